import type pg from 'pg'
import { AuditLog } from '../src/audit/audit-log.ts'
import { connectReader, copyBlocks, listBlockRanges, takeSnapshot } from '../src/audit/chain-store.ts'
import type { ChainFault } from '../src/audit/chain-verifier.ts'
import type { ChainHead } from '../src/audit/hash-chain.ts'
import { CONTENT_COLUMNS } from '../src/audit/row-bytes.ts'
import { seqOf } from '../src/audit/stored-tuple.ts'
import { verifyChains } from '../src/audit/verify.ts'
import { copyIn } from '../src/storage/copy-in.ts'
import { type Database, openDatabase } from '../src/storage/database.ts'
import { migrateUp } from '../src/storage/migrate.ts'
import type { Figure } from './figures.ts'
import { table } from './figures.ts'
import { ForgedLog } from './forged-log.ts'
import {
  FORGERY_WEIGHTS,
  Forger,
  type Forgery,
  hashOfTuple,
  type Log,
  randomOf,
  writerOf,
} from './forgeries.ts'
import { startBenchPostgres } from './postgres.ts'

/**
 * Whether verification finds every manipulation of the audit log, and at the right row. A log is written and read
 * back; then each forgery is made in that copy, verified, and taken back. One of each kind is made in the table
 * itself as well and verified as the command line does, and must show the same.
 */
export type ManipulationOptions = { rows?: number; count?: number; seed?: number }

const ROWS_PER_CHAIN = 10_000
const CHAINS_AT_ONCE = 4
const EVENTS_PER_APPEND = 250
const HEAD_EVERY_ROWS = 1_000
const PART_ROWS = 2_000

/** Rows of several chains at a time, as processes that live and end leave them. */
export async function writeLog(hot: pg.Pool, rows: number, rows_per_chain: number): Promise<void> {
  const logs = Array.from({ length: CHAINS_AT_ONCE }, () => ({
    log: new AuditLog(hot),
    left: rows_per_chain,
  }))
  const size = Math.min(EVENTS_PER_APPEND, rows_per_chain)
  for (let written = 0, turn = 0; written < rows; turn++) {
    const at = turn % CHAINS_AT_ONCE
    const writer = logs[at] as (typeof logs)[number]
    await writer.log.append(Array.from({ length: size }, (_, index) => decided(written + index)))
    written += size
    writer.left -= size
    if (writer.left <= 0) logs[at] = { log: new AuditLog(hot), left: rows_per_chain }
  }
}

function decided(index: number) {
  return {
    type: 'tool.decided',
    actor: `usr_${index % 997}`,
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

/** The whole table in memory, as it lies there; one row in so many, and the last of each chain, counts as known. */
export async function readLog(url: string, head_every_rows = HEAD_EVERY_ROWS): Promise<Log> {
  const [holder, reader] = [await connectReader(url), await connectReader(url)]
  const tuples: Buffer[] = []
  try {
    const snapshot = await takeSnapshot(holder)
    for (const range of await listBlockRanges(holder, {}, 2_048))
      await copyBlocks(reader, snapshot, range, {}, (bytes, start, end) => {
        tuples.push(Buffer.from(bytes.subarray(start, end)))
      })
  } finally {
    await Promise.all([holder.end(), reader.end()])
  }
  const chains = new Map<string, number[]>()
  tuples.forEach((tuple, place) => {
    const writer_id = writerOf(tuple)
    const chain = chains.get(writer_id)
    if (chain) chain.push(place)
    else chains.set(writer_id, [place])
  })
  const seqAt = (place: number) => seqOf(tuples[place] as Buffer, 0)
  const heads: ChainHead[] = []
  for (const [writer_id, chain] of chains) {
    chain.sort((one, other) => seqAt(one) - seqAt(other))
    for (const place of chain)
      if (seqAt(place) % head_every_rows === 0 || place === chain.at(-1))
        heads.push({ writer_id, seq: seqAt(place), hash: hashOfTuple(tuples[place] as Buffer) })
  }
  return { tuples, chains, heads }
}

/** Makes the forgery in the table. Answers how to take it back. The table's triggers must be off. */
export async function forgeTable(
  database: Database,
  log: Log,
  { removed, added }: Pick<Forgery, 'removed' | 'added'>,
): Promise<() => Promise<void>> {
  const originals = removed.map((place) => log.tuples[place] as Buffer)
  const forged = added.map(({ tuple }) => tuple)
  await replaceRows(database, originals, forged)
  return () => replaceRows(database, forged, originals)
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
      [gone.map(writerOf), gone.map((tuple) => seqOf(tuple, 0)), gone.map(hashOfTuple)],
    )
    if (come.length > 0) await copyIn(client, 'audit_events', [...CONTENT_COLUMNS, 'prev_hash', 'hash'], come)
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

/** 10,000 forgeries of 1,000,000 rows, unless told otherwise. */
export async function measureManipulations(
  options: ManipulationOptions = {},
): Promise<{ figures: Figure[]; details: string }> {
  const { rows = 1_000_000, count = 10_000, seed = 1 } = options
  const postgres = await startBenchPostgres()
  const url = await postgres.createDatabase('manipulations')
  const database = openDatabase({ url, statement_timeout_ms: 0 })
  try {
    await migrateUp(database.knex)
    await writeLog(database.hot, rows, ROWS_PER_CHAIN)
    const log = await readLog(url)
    const forged = new ForgedLog(log, PART_ROWS)
    const untouched = await forged.verify()
    if (untouched.fault_count > 0)
      throw new Error(`the log was not whole: ${JSON.stringify(untouched.faults[0])}`)
    const tally = await verifyInMemory(forged, new Forger(log, randomOf(seed), { is_storable: false }), count)
    const in_table = await verifyInTable(database, log, forged, seed)
    return report(log, tally, in_table)
  } finally {
    await database.close()
    await postgres.stop()
  }
}

type Tally = Map<string, { made: number; found: number; read: number }>

async function verifyInMemory(forged: ForgedLog, forger: Forger, count: number): Promise<Tally> {
  const tally: Tally = new Map(
    Object.keys(FORGERY_WEIGHTS).map((kind) => [kind, { made: 0, found: 0, read: 0 }]),
  )
  for (let made = 0; made < count; made++) {
    const forgery = forger.next()
    const { faults, read } = await forged.verify(forgery)
    const wrong = misjudged(forgery, faults)
    const of_kind = tally.get(forgery.kind)
    if (wrong) process.stderr.write(`${wrong}\n`)
    if (of_kind) {
      of_kind.made += 1
      of_kind.found += wrong ? 0 : 1
      of_kind.read += read
    }
  }
  return tally
}

/** One of each kind, through Postgres and as `audit verify` does it. */
async function verifyInTable(
  database: Database,
  log: Log,
  forged: ForgedLog,
  seed: number,
): Promise<{ made: number; found: number }> {
  await database.knex.raw('alter table audit_events disable trigger all')
  const forger = new Forger(log, randomOf(seed + 1), { is_storable: true })
  const kinds = new Set<string>()
  let found = 0
  while (kinds.size < Object.keys(FORGERY_WEIGHTS).length) {
    const forgery = forger.next()
    if (kinds.has(forgery.kind)) continue
    kinds.add(forgery.kind)
    const takeBack = await forgeTable(database, log, forgery)
    const { faults } = await verifyChains(database.knex, { known_heads: log.heads })
    await takeBack()
    const in_memory = await forged.verify(forgery)
    if (!misjudged(forgery, faults) && JSON.stringify(faults) === JSON.stringify(in_memory.faults)) found += 1
  }
  return { made: kinds.size, found }
}

function report(
  log: Log,
  tally: Tally,
  in_table: { made: number; found: number },
): { figures: Figure[]; details: string } {
  const lines = [...tally].map(([kind, { made, found, read }]) => [
    kind,
    String(made),
    String(found),
    made > 0 ? Math.round(read / made).toLocaleString('en') : '',
  ])
  const total = [...tally.values()]
  const made = total.reduce((sum, each) => sum + each.made, 0)
  const found = total.reduce((sum, each) => sum + each.found, 0)
  const size = log.tuples.length.toLocaleString('en')
  return {
    figures: [
      {
        name: 'manipulations of the audit log found, at their row',
        value: found / made,
        unit: 'times',
        goal: { least: 1 },
      },
      {
        name: 'of these made in the table itself',
        value: in_table.found / in_table.made,
        unit: 'times',
        goal: { least: 1 },
      },
    ],
    details: [
      `Manipulations of an audit log of ${size} rows in ${log.chains.size} chains, ${log.heads.length} rows of which are known from elsewhere. Each was made alone and the whole log judged; the parts of the log that it did not touch were read and hashed once, before, and those that it touched again each time. One of each kind (${in_table.found} of ${in_table.made}) was also made in the table and verified as \`audit verify\` does, from the disk.`,
      table(['manipulation', 'made', 'found at its row', 'rows read again, mean'], lines),
    ].join('\n\n'),
  }
}
