import { randomUUID } from 'node:crypto'
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isRunning, startOf } from '../local/file-claim.ts'

const OWNER_ONLY = 0o600
const open_here = new Set<string>()

/**
 * One process for a spool: two would each take away what the other one wrote. Beside it lies a file that names the
 * process; returns how to remove it.
 * @throws Error when another process has it, or the file cannot be written
 */
export function lockSpool(path: string): () => void {
  const name = `${path}.lock`
  if (open_here.has(name)) throw new Error(`The spool ${path} is open in this process already`)
  // Whole before it has its name, so that no other process finds it empty and takes its owner for dead.
  const mine = `${name}.${randomUUID()}`
  try {
    writeFileSync(mine, `${process.pid} ${startOf(process.pid) ?? ''}`, { flag: 'wx', mode: OWNER_ONLY })
    if (!tryLink(mine, name)) {
      removeOver(path, name)
      if (!tryLink(mine, name)) throw taken(path, textOf(name))
    }
  } finally {
    rmSync(mine, { force: true })
  }
  open_here.add(name)
  return () => {
    open_here.delete(name)
    rmSync(name, { force: true })
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (isExisting(error)) return false
  }
  // Not every file system has links.
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (isExisting(error)) return false
    throw error
  }
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

/** Removes the lock of a process that has died. Whoever else removed it meanwhile may have its own there by now. */
function removeOver(path: string, name: string): void {
  const found = textOf(name)
  if (isHeld(found)) throw taken(path, found)
  const aside = `${name}.${randomUUID()}`
  try {
    renameSync(name, aside)
  } catch {
    return
  }
  const moved = textOf(aside)
  if (moved !== found) tryLink(aside, name)
  rmSync(aside, { force: true })
}

/** Numbers of processes are given again: after a restart another one may have that of the holder. */
function isHeld(holder: string): boolean {
  const [pid = 0, start = ''] = [Number(holder.split(' ')[0]), holder.split(' ')[1]]
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  const running = start === '' ? undefined : startOf(pid)
  if (running !== undefined) return running === start
  // In a container each process that serves has the same id as the one before it.
  return pid !== process.pid && isRunning(pid)
}

function textOf(name: string): string {
  try {
    return readFileSync(name, 'utf8')
  } catch {
    return ''
  }
}

function taken(path: string, holder: string): Error {
  return new Error(`The spool ${path} belongs to process ${holder.split(' ')[0]}: give each process its own`)
}
