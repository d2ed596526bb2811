import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { migrateUp } from '../../src/storage/migrate.ts'
import { type Figure, table } from '../figures.ts'
import { ForgedLog } from '../forgery/forged-log.ts'
import { FORGERY_WEIGHTS, Forger, type Log, randomOf } from '../forgery/forgeries.ts'
import { forgeTable, isSame, misjudged, readLog, writeLog } from '../forgery/manipulated-log.ts'
import type { Measured, Part, Run } from '../part.ts'
import { startBenchPostgres } from '../servers/postgres.ts'

/**
 * Whether verification finds every manipulation of the audit log, and at the right row. A log is written and read
 * back; then each forgery is made in that copy, verified, and taken back. One of each kind is made in the table
 * itself as well and verified as the command line does, and must show the same.
 */
export const manipulations: Part = {
  name: 'manipulations',
  summary: 'forgeries of the audit log that verification finds, at the right row',
  long: true,
  measure,
}

const ROWS = 1_000_000
const COUNT = 10_000
const SEED = 1
const ROWS_PER_CHAIN = 10_000

async function measure({ scale, quick }: Run): Promise<Measured> {
  const rows = quick ? 4_000 : Math.round(ROWS * scale)
  const count = quick ? 100 : Math.round(COUNT * scale)
  const postgres = await startBenchPostgres()
  const url = await postgres.createDatabase('manipulations')
  const database = openDatabase({ url, statement_timeout_ms: 0 })
  try {
    await migrateUp(database.knex)
    await writeLog(database.hot, rows, Math.min(ROWS_PER_CHAIN, rows / 8))
    const log = await readLog(url)
    const forged = new ForgedLog(log)
    const [fault] = forged.faults
    if (fault) throw new Error(`the log was not whole: ${JSON.stringify(fault)}`)
    const tally = await verifyInMemory(forged, new Forger(log, randomOf(SEED), { is_storable: false }), count)
    const in_table = await verifyInTable(database, log, forged)
    return { ...report(log, tally, in_table), ran: `${count} forgeries of ${rows} rows, seed ${SEED}` }
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
): Promise<{ made: number; found: number }> {
  await database.knex.raw('alter table audit_events disable trigger all')
  const forger = new Forger(log, randomOf(SEED + 1), { is_storable: true })
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
    if (!misjudged(forgery, faults) && isSame(faults, in_memory.faults)) found += 1
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
      `Manipulations of an audit log of ${size} rows in ${log.chains.size} chains, ${log.heads.length} rows of which are known from elsewhere. Each was made alone and the whole log judged; the chains that it did not touch were read and hashed once, before, and those that it touched again each time. One of each kind (${in_table.found} of ${in_table.made}) was also made in the table and verified as \`audit verify\` does, from the disk.`,
      table(['manipulation', 'made', 'found at its row', 'rows read again, mean'], lines),
    ].join('\n\n'),
  }
}
