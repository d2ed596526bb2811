import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
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
  stop(): Promise<void>
}

export type Command = { program: string; arguments: string[]; env: Record<string, string>; port: number }

export async function startProcess(command: Command): Promise<ServerProcess> {
  const started_ms = performance.now()
  const child = spawn(command.program, command.arguments, {
    cwd: ROOT,
    env: { ...withoutToolgate(process.env), ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => said.push(text))
  await waitUntilReady(child, command.port, said)
  const ready_ms = performance.now() - started_ms
  return {
    port: command.port,
    ready_ms,
    residentBytes: () => residentBytesOf(child.pid),
    stop: () => stopGroup(child),
  }
}

function withoutToolgate(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TOOLGATE_')))
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
  await stopGroup(child)
  throw new Error(`the server was not ready in ${READY_TIMEOUT_MS} ms: ${answer}\n${said.join('')}`)
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, 'SIGTERM')
  const cut = setTimeout(() => child.pid && process.kill(-child.pid, 'SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(cut)
}

/** `npm start` is npm, a shell, the server and the example server, all in one group. */
function residentBytesOf(group: number | undefined): number | undefined {
  for (const pid of pids()) {
    const [stat, status, command] = ['stat', 'status', 'cmdline'].map((file) => read(`/proc/${pid}/${file}`))
    // proc(5): after the name in parentheses come state, parent and process group.
    const pgrp = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[2]
    const is_server = command?.includes('src/cli/main.ts\0') && !command.startsWith('sh\0')
    if (Number(pgrp) !== group || !is_server) continue
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? '')?.[1]
    if (kilobytes) return Number(kilobytes) * 1024
  }
  return undefined
}

function pids(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
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
