import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * One writer at a time. Each process that wants to write to a file puts an empty file of its own beside it, whose name
 * says who it is, and then looks whether there is another: so no process ever removes what belongs to one that lives. Of
 * two that start at the very same moment both may give way.
 */
type Claim = { file: string; pid: number; started: string; host: string }

/** The files that this process has claimed. */
const held = new Set<string>()

/**
 * Claims the file at `path`; returns how to give it back.
 * @throws Error that names the process which writes to it already
 */
export function claimFile(path: string): () => void {
  const mine = `${path}.lock.${process.pid}.${startOf(process.pid) ?? '0'}.${hostname()}`
  if (held.has(mine)) throw new Error(`This process records calls in ${path} already`)
  held.add(mine)
  const release = () => {
    held.delete(mine)
    rmSync(mine, { force: true })
  }
  try {
    closeSync(openSync(mine, 'w', 0o600))
    for (const claim of claimsOn(path)) {
      if (claim.file === mine) continue
      if (!isOver(claim)) throw taken(path, claim)
      rmSync(claim.file, { force: true })
    }
  } catch (error) {
    release()
    throw error
  }
  return release
}

const CLAIM = /^(?<pid>\d+)\.(?<started>\w+)\.(?<host>.+)$/

function claimsOn(path: string): Claim[] {
  const directory = dirname(path)
  const start = `${basename(path)}.lock.`
  return readdirSync(directory).flatMap((name) => {
    const found = name.startsWith(start) ? CLAIM.exec(name.slice(start.length))?.groups : undefined
    if (!found) return []
    const { pid, started = '0', host = '' } = found
    return [{ file: join(directory, name), pid: Number(pid), started, host }]
  })
}

/** Whether the process is known to be gone. Of another machine that cannot be known from here. */
function isOver({ pid, started, host, file }: Claim): boolean {
  if (host !== hostname()) return false
  if (pid === process.pid && started === '0') return !held.has(file)
  const start = startOf(pid)
  // Another process may have got the same number since.
  if (start !== undefined && started !== '0') return start !== started
  return !isRunning(pid)
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** What tells a process from all that had its number before, where the system says that (Linux). */
export function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in parentheses and may hold anything; the 20th field behind it is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie does nothing any more but wait for its parent to hear of it.
    return fields[0] === 'Z' ? 'over' : `${boot}x${fields[19]}`
  } catch {
    return undefined
  }
}

function taken(path: string, { pid, host, file }: Claim): Error {
  const who = host === hostname() ? `Process ${pid}` : `Process ${pid} of the machine ${host}`
  return new Error(
    `${who} records calls in ${path}, and a log has one writer at a time. Stop it, or name another file; ` +
      `if it is gone for good, remove ${file}.`,
  )
}
