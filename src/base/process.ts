import { readFileSync } from 'node:fs'

/** Other processes of this machine, by their numbers, which are given again. */

/** Whether there is a process of this number, whoever owns it. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
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
