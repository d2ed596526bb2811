/**
 * The review: what a careful reviewer finds out about any MCP deployment, ours or not. It collects once, by reads unless told
 * otherwise, and judges what it collected rule by rule. What it could not find out, it says so; that never counts as passed.
 */
import { runActive } from './active/run.ts'
import { crawlUrl } from './crawl/crawl.ts'
import type { Answered } from './crawl/exchange.ts'
import { responseTo } from './crawl/http-cache.ts'
import { McpProber, type ReviewOptions } from './crawl/mcp-prober.ts'
import { crawlForReview } from './crawl/review-crawl.ts'
import type { Finding } from './finding.ts'
import { type Collected, type NotJudged, type Rule, SEVERITIES } from './rules/rule.ts'
import { RULES } from './rules/rules.ts'

export type ReviewFinding = Finding & Pick<Rule, 'severity' | 'section'>

export type Review = {
  url: string
  begun_at: string
  /** The worst first. */
  findings: ReviewFinding[]
  passed: string[]
  not_judged: (NotJudged & { id: string })[]
  /** From a revocation to the first 401, where it was tried. */
  revocation?: { tries: number; p50_ms: number; max_ms: number }
}

/** Nothing could be found out at all. */
export type Unreviewed = { unreviewed: string }

/**
 * Reviews one MCP server. Never throws for what a server does.
 * @param say gets each step, for people
 */
export async function review(
  options: ReviewOptions,
  say: (step: string) => void = () => {},
): Promise<Review | Unreviewed> {
  const { url, timeout_ms } = options
  const begun_at = new Date().toISOString()
  const prober = new McpProber(options, say)
  const cache = await crawlUrl(url, timeout_ms)
  const first = responseTo(cache, 'initialize', url)
  if (first?.outcome !== 'answered')
    return { unreviewed: `${url}: ${prober.shown(first?.reason ?? 'it is no http or https URL')}` }
  if (isWebPage(first))
    return { unreviewed: `${url}: a web page answers there, and no MCP server; check the path` }
  const crawl = await crawlForReview(cache, first, prober)
  const active = options.active && (await runActive(prober, crawl))
  const collected = { ...crawl, active }
  return { url, begun_at, ...judge(collected, prober), ...measured(collected) }
}

/** A success that is HTML is from whatever else is at this address: to judge it as an MCP server would mislead. */
function isWebPage({ status, headers }: Answered): boolean {
  return status >= 200 && status < 300 && /^text\/html\b/i.test(headers.get('content-type') ?? '')
}

function judge(crawl: Collected, prober: McpProber): Pick<Review, 'findings' | 'passed' | 'not_judged'> {
  const findings: ReviewFinding[] = []
  const passed: string[] = []
  const not_judged: Review['not_judged'] = []
  for (const { judge, ...rule } of RULES) {
    const verdict = judge(crawl)
    if (!verdict) passed.push(rule.id)
    else if (typeof verdict === 'string')
      findings.push({ ...rule, evidence: { seen: prober.shown(verdict) } })
    else not_judged.push({ id: rule.id, ...verdict, why: prober.shown(verdict.why) })
  }
  const rank = ({ severity }: ReviewFinding) => SEVERITIES.indexOf(severity)
  return { findings: findings.toSorted((a, b) => rank(a) - rank(b)), passed, not_judged }
}

function measured({ active }: Collected): Pick<Review, 'revocation'> {
  const times = (active?.revocations ?? [])
    .flatMap(({ effective_after_ms }) => effective_after_ms ?? [])
    .toSorted((a, b) => a - b)
  const p50_ms = times[Math.floor((times.length - 1) / 2)]
  const max_ms = times.at(-1)
  if (p50_ms === undefined || max_ms === undefined) return {}
  return { revocation: { tries: times.length, p50_ms, max_ms } }
}
