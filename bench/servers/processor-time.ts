import { readdirSync, readFileSync } from 'node:fs'

/** Processor time and memory of other processes, from /proc; undefined where there is none. */

// proc(5): in clock ticks, of which there are 100 a second on every Linux that Node runs on.
const TICK_MS = 10

export type Process = {
  pid: number
  /** One letter; Z is a process that has ended and was not waited for. */
  state: string
  parent: number
  group: number
  ticks: number
}

/** Every process of a group, ended children included. In milliseconds. */
export function groupProcessorMs(group: number): number | undefined {
  return sum((each) => each.group === group)
}

/** A process and its children, ended ones included. In milliseconds. */
export function familyProcessorMs(pid: number): number | undefined {
  return sum((each) => each.pid === pid || each.parent === pid)
}

export function childrenOf(pid: number): number[] {
  return processes().flatMap((each) => (each.parent === pid ? [each.pid] : []))
}

function sum(belongs: (each: Process) => boolean): number | undefined {
  const found = processes().filter(belongs)
  if (found.length === 0) return undefined
  return found.reduce((total, { ticks }) => total + ticks, 0) * TICK_MS
}

export function processes(): Process[] {
  return pids().flatMap((pid) => {
    const stat = readProc(pid, 'stat')
    if (stat === undefined) return []
    // After the name in parentheses come state, parent, group; user, system and those of waited-for children are
    // 14 to 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state = '', parent, group] = fields
    const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0)
    return [{ pid, state, parent: Number(parent), group: Number(group), ticks }]
  })
}

/** VmRSS of the process of this group whose command line holds `words`. */
export function residentBytesOf(group: number, words: string): number | undefined {
  for (const { pid } of processes().filter((each) => each.group === group)) {
    const command = readProc(pid, 'cmdline')
    if (!command?.includes(words) || command.startsWith('sh\0')) continue
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(pid, 'status') ?? '')?.[1]
    if (kilobytes) return Number(kilobytes) * 1024
  }
  return undefined
}

function pids(): number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  } catch {
    return []
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
