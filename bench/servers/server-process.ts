import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { groupProcessorMs, residentBytesOf } from './processor-time.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 10

/** A server in a process group of its own. */
export type ServerProcess = {
  port: number
  /** From the start of the command to the first 200 of /readyz. */
  ready_ms: number
  /** VmRSS of Toolgate's own process; undefined where there is no /proc. */
  residentBytes(): number | undefined
  /** Processor time until now; undefined where there is no /proc. */
  processorMs(): number | undefined
  stop(): Promise<void>
  /** SIGKILL to the whole group. */
  kill(): Promise<void>
}

export type Command = {
  program: string
  arguments: string[]
  env: Record<string, string>
  port: number
  /** Hears every line of its standard output. */
  on_line?: (line: string) => void
}

export async function startProcess(command: Command): Promise<ServerProcess> {
  const started_ms = performance.now()
  const child = spawn(command.program, command.arguments, {
    cwd: ROOT,
    env: { ...environment(), ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const { on_line } = command
  if (on_line) createInterface({ input: child.stdout }).on('line', on_line)
  await waitUntilReady(child, command.port, said)
  const ready_ms = performance.now() - started_ms
  const group = child.pid ?? 0
  return {
    port: command.port,
    ready_ms,
    // `npm start` is npm, a shell, the server and the example server, all in one group.
    residentBytes: () => residentBytesOf(group, 'src/cli/main.ts\0'),
    processorMs: () => groupProcessorMs(group),
    stop: () => endGroup(child, 'SIGTERM'),
    kill: () => endGroup(child, 'SIGKILL'),
  }
}

/** Ours, without what would configure a Toolgate. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TOOLGATE_')))
}

async function waitUntilReady(child: ChildProcess, port: number, said: string[]): Promise<void> {
  const deadline_ms = performance.now() + READY_TIMEOUT_MS
  let answer: string | undefined
  while (performance.now() < deadline_ms) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said.join('')}`)
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
    answer = await response?.text()
    if (response?.status === 200) return
    await delay(POLL_MS)
  }
  await endGroup(child, 'SIGKILL')
  throw new Error(`the server was not ready in ${READY_TIMEOUT_MS} ms: ${answer}\n${said.join('')}`)
}

async function endGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, signal)
  const cut = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(cut)
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
