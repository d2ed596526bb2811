import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { environment, ROOT } from './server-process.ts'
import { TOOLGATE } from './toolgate.ts'

/** One command of the command line, run to its end. */
export type Ran = { output: string; exit_code: number; seconds: number }

export async function runToolgate(url: string, data_dir: string, words: readonly string[]): Promise<Ran> {
  const started_ms = performance.now()
  const child = spawn(process.execPath, [TOOLGATE, ...words], {
    cwd: ROOT,
    env: {
      ...environment(),
      NODE_ENV: 'production',
      TOOLGATE_DATABASE_URL: url,
      TOOLGATE_DATA_DIR: data_dir,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [output, [exit_code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { output, exit_code: exit_code ?? -1, seconds: (performance.now() - started_ms) / 1000 }
}
