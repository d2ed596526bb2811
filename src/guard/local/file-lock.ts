import { closeSync, openSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isRunning, startOf } from '../../base/process.ts'

/**
 * One process for a file. Each that wants it puts an empty file of its own beside it, whose name says who it is, and
 * then looks whether there is another: so no process ever removes what belongs to one that lives, and none finds a lock
 * that is not whole yet. Of two that start at the very same moment both may give way.
 */
type Claim = { file: string; pid: number; started: string; host: string }

/** Stands for the start of a process where the system does not tell it. */
const UNTOLD = '0'

/** The claims of this process, or of this thread of it. */
const held = new Set<string>()

export type LockOptions = {
  /**
   * Whether a claim of another machine counts for as long as its file lies there: whether its process lives cannot be
   * known from here. A container that is replaced is another machine.
   */
  other_machines: 'count' | 'are over'
}

/**
 * Locks the file at `path`, which need not be there yet; returns how to unlock it.
 * @throws Error that names the process which has it, or when no file can be written beside it
 */
export function lockFile(path: string, { other_machines }: LockOptions): () => void {
  const mine = `${path}.lock.${process.pid}.${startOf(process.pid) ?? UNTOLD}.${hostname()}`
  createClaim(path, mine)
  held.add(mine)
  const unlock = () => {
    held.delete(mine)
    rmSync(mine, { force: true })
  }
  try {
    for (const claim of claimsOn(path)) {
      if (claim.file === mine) continue
      if (!isOver(claim, other_machines === 'are over')) throw taken(path, claim)
      rmSync(claim.file, { force: true })
    }
  } catch (error) {
    unlock()
    throw error
  }
  return unlock
}

function createClaim(path: string, mine: string): void {
  try {
    closeSync(openSync(mine, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    // In a container each process has the number of the one before it; only its start tells them apart.
    const is_over = mine.startsWith(`${path}.lock.${process.pid}.${UNTOLD}.`) && !held.has(mine)
    if (!is_over) throw new Error(`${path} is open in this process already`)
  }
}

const CLAIM = /^(?<pid>\d+)\.(?<started>\w+)\.(?<host>.+)$/

function claimsOn(path: string): Claim[] {
  const directory = dirname(path)
  const start = `${basename(path)}.lock.`
  return readdirSync(directory).flatMap((name) => {
    const found = name.startsWith(start) ? CLAIM.exec(name.slice(start.length))?.groups : undefined
    if (!found) return []
    const { pid, started = UNTOLD, host = '' } = found
    return [{ file: join(directory, name), pid: Number(pid), started, host }]
  })
}

/** Whether the process of a claim is known to be gone. */
function isOver({ pid, started, host }: Claim, others_are_over: boolean): boolean {
  if (host !== hostname()) return others_are_over
  const start = startOf(pid)
  // Another process may have got the same number since.
  if (start !== undefined && started !== UNTOLD) return start !== started
  return pid === process.pid || !isRunning(pid)
}

function taken(path: string, { pid, host, file }: Claim): Error {
  const who = host === hostname() ? `process ${pid}` : `process ${pid} of the machine ${host}`
  return new Error(
    `${path} belongs to ${who}, and has one writer at a time. Stop it, or name another file; ` +
      `if it is gone for good, remove ${file}.`,
  )
}
