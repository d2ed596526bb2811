import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { environment, ROOT } from './server-process.ts'
import { TOOLGATE } from './toolgate.ts'

/** One command of the command line, run to its end. */
export type Ran = {
  output: string
  exit_code: number
  seconds: number
  /** Processor time of its own process, all threads. */
  processor_seconds: number
}

/** Loaded before the command: says at its end how much processor time it took. */
const REPORTER = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs'
  process.on('exit', () => {
    const { user, system } = process.cpuUsage()
    writeSync(3, String((user + system) / 1e6))
  })`)}`

export async function runToolgate(url: string, data_dir: string, words: readonly string[]): Promise<Ran> {
  const started_ms = performance.now()
  const child = spawn(process.execPath, ['--import', REPORTER, TOOLGATE, ...words], {
    cwd: ROOT,
    env: {
      ...environment(),
      NODE_ENV: 'production',
      TOOLGATE_DATABASE_URL: url,
      TOOLGATE_DATA_DIR: data_dir,
    },
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  })
  const [, stdout, , reported] = child.stdio
  const [output, processor, [exit_code]] = await Promise.all([
    text(stdout as Readable),
    text(reported as Readable),
    once(child, 'exit'),
  ])
  const seconds = (performance.now() - started_ms) / 1000
  return { output, exit_code: exit_code ?? -1, seconds, processor_seconds: Number(processor) }
}
