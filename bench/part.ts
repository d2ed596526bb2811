import type { Figure } from './figures.ts'

/** How much is asked of a part; each takes from it what it needs. */
export type Run = {
  rounds: number
  /** Of each load. */
  seconds: number
  /** Of the memory part. */
  minutes: number
  /** Of the rows of `growth`, `lists` and `verify`. */
  scale: number
  /** Everything small: shows that it works and measures nothing. */
  quick: boolean
  /** Leave out what must be installed from npm first. */
  without_peers: boolean
  /** Keep a CPU profile of Toolgate's server there. */
  profile_directory: string | undefined
}

/** `ran`: how it was measured, in words, such as "3 rounds of 3 s". */
export type Measured = { figures: Figure[]; ran: string; details?: string }

export type Part = {
  name: string
  /** One line for --help. */
  summary: string
  /** Takes longer than a few minutes: runs when it is named, or with --all. */
  long?: true
  measure(run: Run): Promise<Measured>
}

/** Progress, where it does not disturb the report. */
export function say(line: string): void {
  console.error(line)
}
