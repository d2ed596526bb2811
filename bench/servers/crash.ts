import { setTimeout as delay } from 'node:timers/promises'
import { type BenchPostgres, execute } from './postgres.ts'
import { childrenOf, processes } from './processor-time.ts'

const POLL_MS = 10
const RETURN_TIMEOUT_MS = 60_000

/**
 * Kills Postgres as a power cut would, all its processes at once, and waits until it answers at `url` again: whoever
 * started it brings it back. Needs /proc. Throws when it stays away.
 */
export async function crash(postgres: BenchPostgres, url: string): Promise<void> {
  const pid = await postgres.currentPid()
  const family = [pid, ...childrenOf(pid)]
  for (const each of family) killIfThere(each)
  while (processes().some(({ pid: alive, state }) => family.includes(alive) && state !== 'Z'))
    await delay(POLL_MS)
  const deadline_ms = Date.now() + RETURN_TIMEOUT_MS
  while (!(await doesAnswer(url))) {
    if (Date.now() > deadline_ms) throw new Error('Postgres did not come back')
    await delay(POLL_MS)
  }
}

function doesAnswer(url: string): Promise<boolean> {
  return execute(url, 'select 1').then(
    () => true,
    () => false,
  )
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
