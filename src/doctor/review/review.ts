/**
 * The review: a reviewer's ritual for any MCP deployment, ours or not. It collects once, by reads unless told otherwise, and
 * judges what it collected check by check. What it could not find out, it says so; that never counts as passed.
 */

import type { Answered } from '../probe/exchange.ts'
import { CHECKS } from './all-checks.ts'
import { createAsking } from './asking.ts'
import { collect } from './collection.ts'
import { type Finding, type NotMade, SEVERITIES } from './finding.ts'
import { safeText } from './safe-text.ts'
import type { ReviewOptions, Seen } from './seen.ts'

export type Review = {
  url: string
  begun_at: string
  /** The worst first. */
  findings: Finding[]
  passed: string[]
  not_made: NotMade[]
  /** From a revocation to the first 401, where it was tried. */
  revocation?: { tries: number; p50_ms: number; max_ms: number }
}

/** Nothing could be found out at all. */
export type Unreviewed = { unreviewed: string }

/**
 * Reviews one MCP server. Never throws for what a server does.
 * @param say hears of each step, for people
 */
export async function review(
  options: ReviewOptions,
  say: (step: string) => void = () => {},
): Promise<Review | Unreviewed> {
  const begun_at = new Date().toISOString()
  const asking = createAsking(options, say)
  const given = [options.token, options.second_token, options.foreign_token, options.expired_token]
  for (const token of [
    ...given,
    options.read_only_token,
    options.operator_token,
    options.active?.refresh_token,
  ])
    if (token !== undefined) asking.hidden.add(token)
  const first = await asking.listOnce(undefined)
  const shown = (text: string) => safeText(text, [...asking.hidden, ...asking.secrets])
  if (first.outcome === 'failed') return { unreviewed: `${options.url}: ${shown(first.reason)}` }
  if (isWebPage(first))
    return { unreviewed: `${options.url}: a web page answers there, and no MCP server; check the path` }
  const seen = await collect(asking)
  return { url: options.url, begun_at, ...judge(seen, shown), ...measured(seen) }
}

/** A success that is HTML is from whatever else is at this address: to judge it as an MCP server would mislead. */
function isWebPage(answer: Answered): boolean {
  const type = answer.headers.get('content-type') ?? ''
  return answer.status >= 200 && answer.status < 300 && /^text\/html\b/i.test(type)
}

function judge(
  seen: Seen,
  shown: (text: string) => string,
): Pick<Review, 'findings' | 'passed' | 'not_made'> {
  const findings: Finding[] = []
  const passed: string[] = []
  const not_made: NotMade[] = []
  for (const { judge, ...check } of CHECKS) {
    const verdict = judge(seen)
    if (verdict.outcome === 'passed') passed.push(check.id)
    else if (verdict.outcome === 'found') findings.push({ ...check, seen: shown(verdict.seen) })
    else {
      const { why, flag } = verdict
      not_made.push({ id: check.id, why: shown(why), ...(flag === undefined ? {} : { flag }) })
    }
  }
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity)
  return { findings: findings.toSorted((a, b) => rank(a) - rank(b)), passed, not_made }
}

function measured({ active }: Seen): Pick<Review, 'revocation'> {
  const times = (active?.revocations ?? [])
    .flatMap(({ bit_after_ms }) => bit_after_ms ?? [])
    .toSorted((a, b) => a - b)
  const p50_ms = times[Math.floor((times.length - 1) / 2)]
  const max_ms = times.at(-1)
  if (p50_ms === undefined || max_ms === undefined) return {}
  return { revocation: { tries: times.length, p50_ms, max_ms } }
}
