import type pg from 'pg'
import { copyLog, openReader } from '../../src/audit/integrity/verification/chain-store.ts'
import type { ChainFault } from '../../src/audit/integrity/verification/chain-verifier.ts'
import { microsecondsOf, seqOf } from '../../src/audit/integrity/verification/stored-tuple.ts'
import { AuditWriter } from '../../src/audit/log/audit-writer.ts'
import type { ChainHead } from '../../src/audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS } from '../../src/audit-chain/row-bytes.ts'
import type { Database } from '../../src/storage/database.ts'
import { copyIn } from '../../src/storage/wire.ts'
import { type Forgery, hashOfTuple, type Log, writerOf } from './forgeries.ts'

/** A log as processes leave it, and forgeries made in its table and taken back. */
const CHAINS_AT_ONCE = 4
const EVENTS_PER_APPEND = 250
const HEAD_EVERY_ROWS = 1_000

/** Rows of several chains at a time, as processes that live and end leave them. */
export async function writeLog(hot: pg.Pool, rows: number, rows_per_chain: number): Promise<void> {
  const logs = Array.from({ length: CHAINS_AT_ONCE }, () => ({
    log: new AuditWriter(hot),
    left: rows_per_chain,
  }))
  const size = Math.min(EVENTS_PER_APPEND, rows_per_chain)
  for (let written = 0, turn = 0; written < rows; turn++) {
    const at = turn % CHAINS_AT_ONCE
    const writer = logs[at] as (typeof logs)[number]
    await writer.log.append(Array.from({ length: size }, (_, index) => decided(written + index)))
    written += size
    writer.left -= size
    if (writer.left > 0) continue
    await writer.log.close()
    logs[at] = { log: new AuditWriter(hot), left: rows_per_chain }
  }
  await Promise.all(logs.map(({ log }) => log.close()))
}

function decided(index: number) {
  return {
    type: 'tool.decided',
    actor: { kind: 'account', id: `usr_${index % 997}` },
    account_id: `usr_${index % 997}`,
    client_id: 'https://client.example/metadata.json',
    resource: 'http://localhost:4001/mcp',
    tool: `notes_${index % 40}`,
    decision: index % 9 === 0 ? 'denied' : 'allowed',
    scope: 'notes:read notes:write',
    grant_id: `grant_${index % 4_999}`,
    request_id: `request_${index}`,
    ip: '192.0.2.1',
    detail: { method: 'tools/call', needed: 'notes:write' },
  } as const
}

/** The whole table in memory, the oldest chain first; one row in so many, and the last of each chain, counts as known. */
export async function readLog(url: string, head_every_rows = HEAD_EVERY_ROWS): Promise<Log> {
  const reader = await openReader(url)
  const tuples: Buffer[] = []
  try {
    await copyLog(reader, (tuple) => tuples.push(Buffer.from(tuple)))
  } finally {
    await reader.end()
  }
  const chains = new Map<string, number[]>()
  tuples.forEach((tuple, place) => {
    const writer_id = writerOf(tuple)
    const chain = chains.get(writer_id)
    if (chain) chain.push(place)
    else chains.set(writer_id, [place])
  })
  const beganAt = ([first]: readonly number[]) => microsecondsOf(tuples[first ?? 0] as Buffer)
  const byBeginning = (one: [string, number[]], other: [string, number[]]) =>
    beganAt(one[1]) - beganAt(other[1])
  const seqAt = (place: number) => seqOf(tuples[place] as Buffer)
  const heads: ChainHead[] = []
  for (const [writer_id, chain] of chains) {
    for (const place of chain)
      if (seqAt(place) % head_every_rows === 0 || place === chain.at(-1))
        heads.push({ writer_id, seq: seqAt(place), hash: hashOfTuple(tuples[place] as Buffer) })
  }
  return { tuples, chains: new Map([...chains].sort(byBeginning)), heads }
}

/** Makes the forgery in the table. Answers how to take it back. The table's triggers must be off. */
export async function forgeTable(
  database: Database,
  log: Log,
  { removed, added }: Pick<Forgery, 'removed' | 'added'>,
): Promise<() => Promise<void>> {
  const originals = removed.map((place) => log.tuples[place] as Buffer)
  await replaceRows(database, originals, added)
  return () => replaceRows(database, added, originals)
}

async function replaceRows(
  { hot }: Database,
  gone: readonly Buffer[],
  come: readonly Buffer[],
): Promise<void> {
  const client = await hot.connect()
  try {
    await client.query('begin')
    await client.query(
      `delete from audit_events using unnest($1::uuid[], $2::bigint[], $3::bytea[]) as gone(writer_id, seq, hash)
       where audit_events.writer_id = gone.writer_id and audit_events.seq = gone.seq and audit_events.hash = gone.hash`,
      [gone.map(writerOf), gone.map((tuple) => seqOf(tuple)), gone.map(hashOfTuple)],
    )
    if (come.length > 0)
      await copyIn(client, 'audit_events', [...CONTENT_COLUMNS, 'prev_hash', 'hash'], Buffer.concat(come))
    await client.query('commit')
  } finally {
    client.release()
  }
}

/** What is wrong with what verification said of a forgery; undefined when it is right. */
export function misjudged(forgery: Forgery, faults: readonly ChainFault[]): string | undefined {
  const told = JSON.stringify({ kind: forgery.kind, expected: forgery.expected, faults: faults.slice(0, 3) })
  const isExpected = ({ writer_id, seq }: ChainFault) =>
    forgery.expected.some(
      (range) => range.writer_id === writer_id && range.from_seq <= seq && seq <= range.to_seq,
    )
  if (!faults.some(isExpected)) return `not found: ${told}`
  // A first row that was changed may name a predecessor that never was.
  const astray = faults.find((fault) => fault.kind !== 'missing_predecessor' && !isExpected(fault))
  return astray && `found elsewhere: ${told}`
}

/** Whether the same faults were found, in whatever order. */
export function isSame(some: readonly ChainFault[], others: readonly ChainFault[]): boolean {
  const sorted = (faults: readonly ChainFault[]) => faults.map((fault) => JSON.stringify(fault)).sort()
  return JSON.stringify(sorted(some)) === JSON.stringify(sorted(others))
}
