import { availableParallelism } from 'node:os'
import { grouped, median, table } from '../figures.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { writeAuditLog } from '../seeds/audit-log.ts'
import { type Ran, runToolgate } from '../servers/command.ts'
import { type Stage, withStage } from '../servers/stage.ts'

/** `toolgate audit verify` over a long log, as an auditor runs it. */
export const verify: Part = {
  name: 'verify',
  summary: 'audit rows verified per second and core',
  measure,
}

const ROWS = 1_000_000
const GOAL = 200_000
const SAY_EVERY = 100_000

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const url = await stage.postgres.createDatabase('toolgate')
    await toolgate(stage, url, 'migrate')
    const idle = await repeat(run.rounds, () => toolgate(stage, url, 'audit', 'verify'))
    const started_ms = performance.now()
    let next = SAY_EVERY
    const rows = await writeAuditLog(url, Math.round(ROWS * run.scale), (written) => {
      if (written >= next) say(`${grouped(next)} rows written`)
      if (written >= next) next += SAY_EVERY
    })
    const writing_seconds = (performance.now() - started_ms) / 1000
    await stage.postgres.analyze(url)
    const full = await repeat(run.rounds, () => toolgate(stage, url, 'audit', 'verify'))
    const cores = availableParallelism()
    const rate = rows / Math.max(full - idle, Number.EPSILON)
    return {
      figures: [
        { name: 'audit verify', value: rate, unit: 'rows per second' },
        {
          name: 'audit verify, per core',
          value: rate / cores,
          unit: 'rows per second',
          goal: { least: GOAL },
        },
      ],
      ran: `${grouped(rows)} rows of 4 writers, ${run.rounds} times`,
      details: table(
        ['', 'seconds'],
        [
          ['verifying it, whole command', full.toFixed(2)],
          ['the same command on an empty log, which is subtracted', idle.toFixed(2)],
          ['writing the rows through the audit log', writing_seconds.toFixed(1)],
        ],
      ),
    }
  })
}

async function toolgate(stage: Stage, url: string, ...words: string[]): Promise<Ran> {
  const ran = await runToolgate(url, stage.directory, words)
  if (ran.exit_code !== 0) throw new Error(`toolgate ${words.join(' ')} failed: ${ran.output}`)
  return ran
}

async function repeat(times: number, command: () => Promise<Ran>): Promise<number> {
  const seconds: number[] = []
  for (let time = 0; time < times; time++) seconds.push((await command()).seconds)
  return median(seconds)
}
