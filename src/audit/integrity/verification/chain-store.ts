import pg from 'pg'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { ROW_COLUMNS } from '../../../audit-chain/row-bytes.ts'
import { sessionSettings } from '../../../storage/session-settings.ts'
import { copyOut, type TakeTuple } from '../../../storage/wire.ts'
import type { StoredHead } from './known-heads.ts'

/** Reads of whole chains for verification, on a connection of their own and all of one moment. */

/** Rows in this time; `from` inclusive, `to` exclusive. */
export type TimeRange = { from?: Date | undefined; to?: Date | undefined }

export type ChainReader = pg.Client

const COLUMNS = ROW_COLUMNS.join(', ')
const CONNECT_TIMEOUT_MS = 5_000
const SETTINGS = sessionSettings({
  statement_timeout: 0,
  idle_in_transaction_session_timeout: 0,
  // The primary key has the order of chains; sorting them would take the space of the log once more.
  enable_sort: 'off',
  jit: 'off',
})
const HEADS_PER_STATEMENT = 1_000

/** Connects without limits of time, and begins the transaction whose moment is looked at. A loss shows at the next use. */
export async function openReader(url: string): Promise<ChainReader> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'toolgate-verify',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  await client.query(SETTINGS)
  await client.query('begin isolation level repeatable read, read only')
  return client
}

/** How many rows there are, as Postgres guesses. */
export async function estimateRows(client: ChainReader): Promise<number> {
  const { rows } = await client.query(
    'select coalesce(sum(rows_estimated), 0)::float8 as count from toolgate_audit_partitions()',
  )
  return rows[0].count
}

/** Every row, chain by chain, each by seq; by time where a forged seq is there twice. */
export async function copyLog(client: ChainReader, take: TakeTuple): Promise<void> {
  await copyOut(client, `select ${COLUMNS} from audit_events order by writer_id, seq, occurred_at`, take)
}

/** A chain of which rows lie in a time: the first and the last of them, and the row before the first, if there is one. */
export type ChainInTime = {
  writer_id: string
  first_seq: bigint
  last_seq: bigint
  before: ChainHead | undefined
}

export async function chainsInTime(client: ChainReader, time: TimeRange): Promise<ChainInTime[]> {
  const { rows } = await client.query(
    `select found.*, before.seq, before.hash
     from (select writer_id, min(seq) as first_seq, max(seq) as last_seq
           from audit_events where ${inTime(time)} group by writer_id) found
     left join lateral (
       select seq, hash from audit_events
       where writer_id = found.writer_id and seq < found.first_seq and seq > 0
       order by seq desc, occurred_at limit 1) before on true`,
  )
  return rows.map(({ writer_id, first_seq, last_seq, seq, hash }) => ({
    writer_id,
    first_seq: BigInt(first_seq),
    last_seq: BigInt(last_seq),
    before: seq === null ? undefined : { writer_id, seq: Number(seq), hash },
  }))
}

/** The rows of these chains from the first of the time to the last of it, whatever time those between name. */
export async function copyChains(
  client: ChainReader,
  chains: readonly ChainInTime[],
  take: TakeTuple,
): Promise<void> {
  for (const { writer_id, first_seq, last_seq } of chains)
    await copyOut(
      client,
      `select ${COLUMNS} from audit_events where writer_id = ${pg.escapeLiteral(writer_id)}
       and seq between ${first_seq} and ${last_seq} order by seq, occurred_at`,
      take,
    )
}

/** What is stored of each, in the same order. */
export async function findHeads(
  client: ChainReader,
  named: readonly { writer_id: string; seq: number }[],
): Promise<StoredHead[]> {
  const found: StoredHead[] = []
  for (let at = 0; at < named.length; at += HEADS_PER_STATEMENT) {
    const some = named.slice(at, at + HEADS_PER_STATEMENT)
    const { rows } = await client.query(
      `select stored.hash, stored.id as event_id, last.seq::float8 as last_seq
       from unnest($1::uuid[], $2::bigint[]) with ordinality as named(writer_id, seq, place)
       left join lateral (
         select hash, id from audit_events where writer_id = named.writer_id and seq = named.seq
         order by occurred_at limit 1) as stored on true
       left join lateral (
         select max(seq) as seq from audit_events where writer_id = named.writer_id) as last on true
       order by place`,
      [some.map(({ writer_id }) => writer_id), some.map(({ seq }) => seq)],
    )
    found.push(...rows)
  }
  return found
}

function inTime({ from, to }: TimeRange): string {
  const conditions = [
    ...(from ? [`occurred_at >= ${pg.escapeLiteral(from.toISOString())}`] : []),
    ...(to ? [`occurred_at < ${pg.escapeLiteral(to.toISOString())}`] : []),
  ]
  return conditions.join(' and ') || 'true'
}
