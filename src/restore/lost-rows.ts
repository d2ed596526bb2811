import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Knex } from 'knex'
import type { Gap } from '../audit/integrity/restore/gap.ts'
import { lastRows } from '../audit/integrity/restore/gap-store.ts'
import { ChainVerifier } from '../audit/integrity/verification/chain-verifier.ts'
import { type AuditRow, tupleOf } from '../audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS } from '../audit-chain/row-bytes.ts'
import { readRowLine } from '../audit-chain/row-line.ts'
import { AppError } from '../base/errors.ts'
import { isObject, parseJson } from '../base/json.ts'

/** Rows that the table lacks, from an export of the log as JSON Lines (`audit export --format jsonl`) or an unpacked archive. */
export type LostRows = { rows: AuditRow[] }

/**
 * Reads the rows that the table lacks, in the order of their time. Their chains must be whole and reach the last rows that
 * are known from outside, so that no revocation in between is left out. Throws `invalid_input` that says what is wrong.
 */
export async function readLostRows(db: Knex, file: string, gaps: readonly Gap[]): Promise<LostRows> {
  const all = await readRows(file)
  const stored = await lastRows(db, [...new Set(all.map(({ writer_id }) => writer_id))])
  const rows = all.filter(({ writer_id, seq }) => seq > (stored.get(writer_id) ?? 0))
  const chains = Map.groupBy(rows, ({ writer_id }) => writer_id)
  const verifier = new ChainVerifier()
  for (const chain of chains.values()) feed(verifier, chain)
  const [fault] = verifier.faults
  if (fault) throw wrong(file, `writer ${fault.writer_id}: ${fault.message}`)
  for (const gap of gaps) assertReached(file, gap, chains.get(gap.writer_id) ?? [])
  for (const { writer_id, seq } of verifier.predecessors)
    if (seq > Math.max(stored.get(writer_id) ?? 0, chains.get(writer_id)?.at(-1)?.seq ?? 0))
      throw wrong(file, `it lacks row ${seq} of writer ${writer_id}, which a row in it names`)
  return { rows: rows.toSorted((one, other) => one.occurred_at.getTime() - other.occurred_at.getTime()) }
}

async function readRows(file: string): Promise<AuditRow[]> {
  const rows: AuditRow[] = []
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1
    const row = rowOf(line)
    if (!row) throw wrong(file, `line ${number} is no row of the log`)
    rows.push(row)
  }
  return rows.toSorted((one, other) => one.seq - other.seq)
}

/** An export has the same members as an archive, in another order. */
function rowOf(line: string): AuditRow | undefined {
  const value = parseJson(line)
  if (!isObject(value)) return undefined
  const ordered = [...CONTENT_COLUMNS, 'prev_hash', 'hash'].map((column) => [column, value[column] ?? null])
  return readRowLine(JSON.stringify(Object.fromEntries(ordered)))
}

function feed(verifier: ChainVerifier, chain: readonly AuditRow[]): void {
  const [first] = chain
  if (first && first.seq > 1)
    verifier.startAt({ writer_id: first.writer_id, seq: first.seq - 1, hash: first.prev_hash })
  for (const row of chain) verifier.feed(tupleOf(row))
}

function assertReached(
  file: string,
  { writer_id, first_seq, last_seq, hash }: Gap,
  chain: readonly AuditRow[],
) {
  const last = chain.find(({ seq }) => seq === last_seq)
  if (chain[0]?.seq !== first_seq || last?.hash.toString('hex') !== hash)
    throw wrong(file, `it lacks rows ${first_seq} to ${last_seq} of writer ${writer_id}`)
}

function wrong(file: string, reason: string): AppError {
  return new AppError('invalid_input', `${file} cannot be replayed: ${reason}`)
}
