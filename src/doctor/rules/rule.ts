import type { ActiveProbe } from '../active/active-probe.ts'
import { isOpen, type ReviewCrawl } from '../crawl/review-crawl.ts'

/** From what ends a deployment's security to what is only worth knowing. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

/** A section of a standard, for people to read. */
export type Section = { name: string; url: string }

/** What a review collected. `active`: with `--active`. */
export type Collected = ReviewCrawl & { active?: ActiveProbe | undefined }

/** What was seen, for people; nothing when the rule is kept. */
export type Verdict = string | false | undefined | NotJudged

/** The rule could not be judged; `flag` is what would let it be. */
export type NotJudged = { why: string; flag?: string }

type Judge = (crawl: Collected) => Verdict

type Judged = {
  /** What is wrong when it finds something. */
  title: string
  /** What to do about it. */
  remediation: string
  /** Sends nothing, and never throws. */
  judge: Judge
}

export type Rule = Judged & { id: string; severity: Severity; section: Section }

export function rule(id: string, severity: Severity, section: Section, judged: Judged): Rule {
  return { id, severity, section, ...judged }
}

export function notJudged(why: string, flag?: string): NotJudged {
  return { why, ...(flag === undefined ? {} : { flag }) }
}

/** Where no token is needed, nothing is learned from what happens to tokens. */
export function whereGuarded(judge: Judge): Judge {
  return (crawl) => (isOpen(crawl) ? notJudged('the server asks for no token') : judge(crawl))
}

/** What only `--active` finds out. */
export function whereActive<Name extends keyof ActiveProbe>(
  name: Name,
  judge: (value: NonNullable<ActiveProbe[Name]>, crawl: Collected) => Verdict,
): Judge {
  return (crawl) => {
    const { active } = crawl
    if (!active) return notJudged('it is no read', '--active')
    const value = active[name]
    return value === undefined || value === null
      ? notJudged(active.ended ?? 'the flow did not come to that')
      : judge(value as NonNullable<ActiveProbe[Name]>, crawl)
  }
}

export function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold)
}
