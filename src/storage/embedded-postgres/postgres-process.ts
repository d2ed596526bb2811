import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../base/errors.ts'
import { isRunning } from '../../base/process.ts'
import { programOptions, runProgram } from './postgres-binaries.ts'
import type { Cluster } from './postgres-cluster.ts'

export type Postmaster = { pid: number; port: number; ready: boolean }

const POLL_MS = 10
const LOG_LIMIT_BYTES = 10_000_000

/** Of the conditions that end a start, those that pass by themselves. */
const PASSING_FAULT =
  /lock file ".*" already exists|shared memory block|could not bind|could not create any TCP/

const MEGABYTE = 2 ** 20

/** A thirty-second of the machine's memory, from 48 to 512 MB. Pages are taken when they are first used. */
function sharedBuffersMb(): number {
  return Math.round(Math.min(512, Math.max(48, totalmem() / MEGABYTE / 32)))
}

/**
 * What reaches the log must hold no parameter of a statement: the minimum leaves out ERROR, whose text may quote a
 * value, and keeps LOG, FATAL and PANIC. The server reports its own errors.
 */
function settings(port: number): string[] {
  const values = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: `${sharedBuffersMb()}MB`,
    max_connections: 100,
    // Less would mean more checkpoints under load, and after each one whole pages in the log again.
    max_wal_size: '1GB',
    max_parallel_workers_per_gather: 0,
    max_logical_replication_workers: 0,
    io_method: 'sync',
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    log_error_verbosity: 'terse',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/**
 * Starts the cluster on loopback, at `port` or a free one, and waits until it is ready. Answers false when a passing condition
 * (another start, old backends that still hold memory, a port just taken) was in the way.
 * Throws AppError `unavailable` for every other.
 */
export async function startPostmaster(
  cluster: Cluster,
  deadline_ms: number,
  port?: number,
): Promise<boolean> {
  const { size } = await stat(cluster.log_file).catch(() => ({ size: 0 }))
  const rewrite = size > LOG_LIMIT_BYTES
  const log = openSync(cluster.log_file, rewrite ? 'w' : 'a', 0o600)
  const program = join(cluster.bin_directory, 'postgres')
  // Its own process group: Ctrl-C reaches us first, and we stop it after our last statement.
  const child = spawn(program, ['-D', cluster.directory, ...settings(port ?? (await freePort()))], {
    ...programOptions(program, cluster.user),
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let ended: unknown
  child.once('error', (error) => {
    ended = error
  })
  child.once('exit', (code, signal) => {
    ended ??= new Error(`postgres ended with ${signal ?? code}`)
  })
  child.unref()
  while (ended === undefined && Date.now() < deadline_ms) {
    const postmaster = await findPostmaster(cluster)
    if (postmaster?.pid === child.pid && postmaster?.ready) return true
    await delay(POLL_MS)
  }
  const said = (await readFile(cluster.log_file, 'utf8')).slice(rewrite ? 0 : size)
  if (ended !== undefined && PASSING_FAULT.test(said)) return false
  const message = `Postgres did not start; ${cluster.log_file} says: ${said.trim().slice(-500)}`
  throw new AppError('unavailable', message, { cause: ended })
}

/** The live postmaster of this cluster. Clears away a pid file that would keep Postgres from starting for ever. */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  const file = join(cluster.directory, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => '')
  const [pid, directory, , port, , , , status] = text.split('\n')
  if (!pid || !directory || !isRunning(Number(pid))) return undefined
  if ((await isPostgres(Number(pid))) && (await isSameDirectory(directory, cluster.directory))) {
    return { pid: Number(pid), port: Number(port), ready: status?.trim() === 'ready' }
  }
  // The number was given to another process since, or the file was copied along with the directory.
  if ((await readFile(file, 'utf8').catch(() => '')) === text) await rm(file, { force: true })
  return undefined
}

/** Fast shutdown: sessions are ended, a checkpoint is written. Returns when the process is gone. */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  const postmaster = await findPostmaster(cluster)
  if (postmaster === undefined) return
  const args = ['stop', '-D', cluster.directory, '-m', 'fast', '-w', '-t', '50']
  try {
    await runProgram(join(cluster.bin_directory, 'pg_ctl'), args, cluster.user)
  } catch (error) {
    if (await isPostgres(postmaster.pid)) throw error
  }
  while (isRunning(postmaster.pid) && (await isPostgres(postmaster.pid))) await delay(POLL_MS)
}

/** False also for a zombie, which Postgres itself takes for alive. Where there is no /proc, the number is believed. */
async function isPostgres(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return isRunning(pid)
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /^\d+ \(postgres\) [^Z]/.test(status)
}

async function isSameDirectory(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}
