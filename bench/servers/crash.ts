import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { execute } from './postgres.ts'
import { childrenOf, processes, readProc } from './processor-time.ts'

/** Kills a Postgres as a power cut would, all its processes at once, and starts it again as it was started. */
export type Crashable = { crash(): Promise<void>; stop(): Promise<void> }

const POLL_MS = 10
const RESTART_TIMEOUT_MS = 60_000

/** Needs /proc, which says how the postmaster `pid` was started. Throws where there is none. */
export function crashable(pid: number, url: string): Crashable {
  const words = readProc(pid, 'cmdline')?.split('\0').slice(0, -1)
  if (!words) throw new Error('killing Postgres needs /proc, which is not here')
  const [program = '', ...args] = words
  const variables = readProc(pid, 'environ')?.split('\0').filter(Boolean) ?? []
  const env = Object.fromEntries(variables.map((each) => each.split(/=(.*)/s).slice(0, 2)))
  const { uid, gid } = statSync(`/proc/${pid}`)
  const user = process.getuid?.() === 0 ? { uid, gid } : {}
  const how = {
    ...user,
    env,
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    stdio: 'ignore',
    detached: true,
  } as const
  let current = pid
  let child: ChildProcess | undefined

  const restart = async () => {
    const deadline_ms = Date.now() + RESTART_TIMEOUT_MS
    while (Date.now() < deadline_ms) {
      // It ends at once while the old backends still hold the shared memory.
      if (!child || child.exitCode !== null || child.signalCode !== null) child = spawn(program, args, how)
      current = child.pid ?? 0
      const answers = await execute(url, 'select 1').then(
        () => true,
        () => false,
      )
      if (answers) return
      await delay(POLL_MS)
    }
    throw new Error('Postgres did not come back')
  }
  return {
    async crash() {
      const family = [current, ...childrenOf(current)]
      for (const each of family) killIfThere(each)
      while (processes().some(({ pid: alive, state }) => family.includes(alive) && state !== 'Z'))
        await delay(POLL_MS)
      child = undefined
      await restart()
    },
    async stop() {
      if (!child || child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      await ended
    },
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
