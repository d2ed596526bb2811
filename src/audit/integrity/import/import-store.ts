import type { Knex } from 'knex'
import type pg from 'pg'
import { type AuditRow, type ChainHead, tupleOf } from '../../../audit-chain/hash-chain.ts'
import { insertRows } from '../../log/writer-store.ts'
import type { LocalChain } from './local-log.ts'

/** What an import reads and writes, within its transaction. */

/** Begins the name of every writer that an import registered; no process of a server is called so. */
const IMPORTED = 'import of '

export type StoredChain = {
  /** Its last row; undefined when there is none, or none any more. */
  head: ChainHead | undefined
  /** Undefined when it is not registered. */
  is_import: boolean | undefined
}

export async function storedChain(trx: Knex.Transaction, writer_id: string): Promise<StoredChain> {
  const { rows } = await trx.raw(
    `select last.seq::float8, last.hash, starts_with(w.process, ?) as is_import
     from (select ?::uuid as writer_id) as asked
     left join audit_writers w using (writer_id)
     left join lateral (
       select seq, hash from audit_events e where e.writer_id = asked.writer_id order by seq desc limit 1) last on true`,
    [IMPORTED, writer_id],
  )
  const { seq, hash, is_import } = rows[0]
  return { head: seq === null ? undefined : { writer_id, seq, hash }, is_import: is_import ?? undefined }
}

export async function registerImported(trx: Knex.Transaction, chain: LocalChain): Promise<void> {
  const { writer_id, process, began_at } = chain
  await trx('audit_writers').insert({ writer_id, process: IMPORTED + process, started_at: began_at })
}

export async function insertImported(trx: Knex.Transaction, rows: readonly AuditRow[]): Promise<void> {
  const connection: pg.ClientBase = await trx.client.acquireConnection()
  const inserted = await insertRows(connection, Buffer.concat(rows.map(tupleOf)))
  if (inserted !== rows.length) throw new Error(`${inserted} of ${rows.length} imported rows were inserted`)
}

const KEPT_DAYS = 90

/** Counts the decisions of these rows as they would have been counted had they been made here. */
export async function countImported(trx: Knex.Transaction, run: NewRun): Promise<void> {
  await trx.raw(
    `insert into usage_hours as h (hour, resource, tool, decision, calls)
     select date_trunc('hour', occurred_at), resource,
            case when tool is null then '' when coalesce(detail->>'needed', '') = '' then '(unknown)' else tool end,
            decision, count(*)
     from audit_events
     where writer_id = ? and seq between ? and ? and type = 'tool.decided'
       and resource is not null and decision is not null and occurred_at > now() - make_interval(days => ?)
     group by 1, 2, 3, 4
     on conflict (hour, resource, tool, decision) do update set calls = h.calls + excluded.calls`,
    [run.writer_id, run.first_seq, run.last_seq, KEPT_DAYS],
  )
}

/** New rows of one chain. */
export type NewRun = { writer_id: string; first_seq: number; last_seq: number; hash: Buffer }

/**
 * Says that the chain was named up to this row, by the event that was just inserted; and that it has ended, where it has.
 */
export async function closeImported(
  trx: Knex.Transaction,
  { writer_id, last_seq }: NewRun,
  ended_at: Date | undefined,
): Promise<void> {
  await trx.raw(
    `update audit_writers w set closed_at = now(), closed_by = named.writer_id, closed_seq = ?,
            stopped_at = coalesce(stopped_at, ?)
     from (select writer_id from audit_events
           where type = 'audit.imported' and detail->>'writer_id' = ? and (detail->>'last_seq')::bigint = ?
           order by occurred_at desc limit 1) named
     where w.writer_id = ?`,
    [last_seq, ended_at ?? null, writer_id, last_seq, writer_id] as never,
  )
}
