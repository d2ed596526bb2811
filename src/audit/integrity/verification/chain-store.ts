import pg from 'pg'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS } from '../../../audit-chain/row-bytes.ts'
import { copyOut, type TakeTuple } from '../../../storage/copy-out.ts'

/** Reads of whole chains for verification, all of one moment. */

/** Rows in this time; `from` inclusive, `to` exclusive. */
export type TimeRange = { from?: Date | undefined; to?: Date | undefined }

/**
 * Some neighbouring blocks of one partition. `only` is a condition that no other partition meets, so that the whole
 * table is named and nobody needs a right to its parts.
 */
export type BlockRange = { only: string; first_block: number; end_block: number }

/** A connection for reading chains. */
export type ChainReader = pg.Client

/** A moment of the database that other connections can look at too, while the transaction that gave it lasts. */
export type Snapshot = string

/** What is stored of a row that something names; `last_seq` is that of its writer, null when it has no rows. */
export type StoredHead = { hash: Buffer | null; event_id: string | null; last_seq: number | null }

const COLUMNS = [...CONTENT_COLUMNS, 'prev_hash', 'hash'].join(', ')
const CONNECT_TIMEOUT_MS = 5_000
const HEADS_PER_STATEMENT = 1_000

/** A connection without limits of time, for reading much. Its loss shows at its next use. */
export async function connectReader(url: string): Promise<ChainReader> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'toolgate-verify',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  // Parallel workers would read for us what our own threads are there to read.
  await client.query('set max_parallel_workers_per_gather = 0; set jit = off')
  return client
}

/** Begins the transaction whose moment everyone looks at. */
export async function takeSnapshot(client: ChainReader): Promise<Snapshot> {
  await client.query('begin isolation level repeatable read, read only')
  const { rows } = await client.query('select pg_export_snapshot() as snapshot')
  return rows[0].snapshot
}

/** All partitions that hold rows of that time, in parts of at most `blocks` blocks, by name and place. */
export async function listBlockRanges(
  client: ChainReader,
  time: TimeRange,
  blocks: number,
): Promise<BlockRange[]> {
  const { rows } = await client.query(
    `select coalesce(nullif(pg_get_partition_constraintdef(relid), ''), 'true') as only,
            (pg_relation_size(relid) / current_setting('block_size')::bigint)::integer as blocks
     from pg_partition_tree('audit_events') where isleaf order by relid::regclass::text`,
  )
  const ranges: BlockRange[] = []
  for (const { only, blocks: size } of rows as { only: string; blocks: number }[]) {
    const [first, end] = await blocksOfTime(client, only, time, size)
    for (let first_block = first; first_block < end; first_block += blocks)
      ranges.push({ only, first_block, end_block: Math.min(first_block + blocks, end) })
  }
  return ranges
}

/** The blocks between which all rows of the time lie, the first included. Rows lie nearly in the order of time. */
async function blocksOfTime(
  client: ChainReader,
  only: string,
  time: TimeRange,
  size: number,
): Promise<[first: number, end: number]> {
  if (size === 0 || (!time.from && !time.to)) return [0, size]
  const { rows } = await client.query(
    `select (min(ctid)::text::point)[0]::bigint::integer as first, (max(ctid)::text::point)[0]::bigint::integer as last
     from audit_events where (${only}) and ${inTime(time)}`,
  )
  const { first, last } = rows[0] as { first: number | null; last: number | null }
  return first === null || last === null ? [0, 0] : [first, last + 1]
}

/** Every row of these blocks as it lies there. The partition is locked against being dropped only meanwhile. */
export function copyBlocks(
  client: ChainReader,
  snapshot: Snapshot,
  { only, first_block, end_block }: BlockRange,
  time: TimeRange,
  take: TakeTuple,
): Promise<number> {
  const blocks = `ctid >= '(${first_block},0)' and ctid < '(${end_block},0)'`
  return copyOut(
    client,
    `begin isolation level repeatable read, read only;
     set transaction snapshot ${pg.escapeLiteral(snapshot)};
     copy (select ${COLUMNS} from audit_events where (${only}) and ${blocks} and ${inTime(time)}) to stdout (format binary);
     commit`,
    take,
  )
}

/** The table, as `judgeScans` reads it again. */
export function chainSource(client: ChainReader) {
  return {
    headBefore: (writer_id: string, seq: number) => headBefore(client, writer_id, seq),
    copyChain: (range: ChainRange, take: TakeTuple) => copyChain(client, range, take),
    findHeads: (named: readonly { writer_id: string; seq: number }[]) => findHeads(client, named),
  }
}

/** Rows of one writer, both ends included. */
export type ChainRange = { writer_id: string; from_seq: number; to_seq: number }

/** Rows of one chain by seq; by time where a forged seq is there twice. */
function copyChain(
  client: ChainReader,
  { writer_id, from_seq, to_seq }: ChainRange,
  take: TakeTuple,
): Promise<number> {
  return copyOut(
    client,
    `copy (select ${COLUMNS} from audit_events where writer_id = ${pg.escapeLiteral(writer_id)}
           and seq between ${integer(from_seq)} and ${integer(to_seq)} order by seq, occurred_at) to stdout (format binary)`,
    take,
  )
}

/** The last row of a chain before `seq`. */
async function headBefore(
  client: ChainReader,
  writer_id: string,
  seq: number,
): Promise<ChainHead | undefined> {
  const { rows } = await client.query(
    `select seq, hash from audit_events where writer_id = $1 and seq < $2 and seq > 0 order by seq desc, occurred_at limit 1`,
    [writer_id, integer(seq)],
  )
  return rows[0] && { writer_id, seq: Number(rows[0].seq), hash: rows[0].hash }
}

/** What is stored of each, in the same order. */
async function findHeads(
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

/** As bigint holds it: a double beyond would not be one. */
function integer(value: number): string {
  const bounded = Math.min(Math.max(value, -(2 ** 62)), 2 ** 62)
  return BigInt(Math.trunc(bounded)).toString()
}
