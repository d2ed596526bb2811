import type { Seen } from './seen.ts'

/** From what ends a deployment's security to what is only worth knowing. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

/** A section of a standard, for people to read. */
export type Section = { name: string; url: string }

export type Verdict =
  | { outcome: 'passed' }
  /** `seen`: what was seen, for people. */
  | { outcome: 'found'; seen: string }
  /** `flag`: what would let it be made. */
  | { outcome: 'not_made'; why: string; flag?: string }

/** One question to a deployment. It asks nothing itself: it judges what was collected, and never throws. */
export type Check = {
  id: string
  /** What is wrong when it finds something. */
  title: string
  severity: Severity
  section: Section
  /** What to do about it. */
  mend: string
  judge(seen: Seen): Verdict
}

export type Finding = Omit<Check, 'judge'> & { seen: string }
export type NotMade = { id: string; why: string; flag?: string }

export const PASSED: Verdict = { outcome: 'passed' }

export function found(seen: string): Verdict {
  return { outcome: 'found', seen }
}

export function foundIf(is_wrong: boolean, seen: string): Verdict {
  return is_wrong ? found(seen) : PASSED
}

export function notMade(why: string, flag?: string): Verdict {
  return { outcome: 'not_made', why, ...(flag === undefined ? {} : { flag }) }
}

export function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold)
}
