import { grouped, median, table } from '../figures.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { writeAuditLog } from '../seeds/audit-log.ts'
import { type Ran, runToolgate } from '../servers/command.ts'
import { type Stage, withStage } from '../servers/stage.ts'

/**
 * `toolgate audit verify` over a long log, as an auditor runs it. "Per core" is per second of processor time, of the
 * command and of Postgres together.
 */
export const verify: Part = {
  name: 'verify',
  summary: 'audit rows verified per second and core',
  measure,
}

const ROWS = 1_000_000
const GOAL = 200_000
/** So much of the log is verified first, to know what the command costs before it reads. */
const SHORT = 0.1

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const url = await stage.postgres.createDatabase('toolgate')
    await toolgate(stage, url, 'migrate')
    const total = Math.round(ROWS * run.scale)
    const short = await verifyAfter(stage, run, url, Math.round(total * SHORT))
    const full = await verifyAfter(stage, run, url, total - short.rows)
    // What the command and its threads cost before they read a row is in both.
    const rows = full.rows
    const per = (one: number, other: number) => rows / Math.max(other - one, Number.EPSILON)
    const rate_per_core = per(short.processor_seconds, full.processor_seconds)
    return {
      figures: [
        { name: 'audit verify', value: per(short.seconds, full.seconds), unit: 'rows per second' },
        {
          name: 'audit verify, per core',
          value: rate_per_core,
          unit: 'rows per second',
          goal: { least: GOAL },
        },
      ],
      ran: `${grouped(short.rows + rows)} rows of 4 writers, ${run.rounds} times`,
      details: table(
        ['', 'seconds', 'processor seconds'],
        [
          [`verifying the first ${grouped(short.rows)} rows, whole command`, ...cellsOf(short)],
          ['verifying all of them', ...cellsOf(full)],
        ],
      ),
    }
  })
}

async function verifyAfter(
  stage: Stage,
  { rounds }: Run,
  url: string,
  count: number,
): Promise<Took & { rows: number }> {
  say(`writing ${grouped(count)} rows`)
  const rows = await writeAuditLog(url, count, () => {})
  await stage.postgres.analyze(url)
  return { rows, ...(await repeat(stage, rounds, () => toolgate(stage, url, 'audit', 'verify'))) }
}

async function toolgate(stage: Stage, url: string, ...words: string[]): Promise<Ran> {
  const ran = await runToolgate(url, stage.directory, words)
  if (ran.exit_code !== 0) throw new Error(`toolgate ${words.join(' ')} failed: ${ran.output}`)
  return ran
}

type Took = { seconds: number; processor_seconds: number }

/** The medians of several runs; the processor time is that of the command and of Postgres. */
async function repeat(stage: Stage, times: number, command: () => Promise<Ran>): Promise<Took> {
  const took: Took[] = []
  for (let time = 0; time < times; time++) {
    const before_ms = stage.postgres.processorMs() ?? Number.NaN
    const { seconds, processor_seconds } = await command()
    const postgres_ms = (stage.postgres.processorMs() ?? Number.NaN) - before_ms
    took.push({ seconds, processor_seconds: processor_seconds + postgres_ms / 1000 })
  }
  return {
    seconds: median(took.map(({ seconds }) => seconds)),
    processor_seconds: median(took.map(({ processor_seconds }) => processor_seconds)),
  }
}

function cellsOf({ seconds, processor_seconds }: Took): [string, string] {
  return [seconds.toFixed(2), processor_seconds.toFixed(2)]
}
