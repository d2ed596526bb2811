import { isPostableFromBrowser } from '../cross-origin.ts'
import type { Journey, Step } from '../journey.ts'
import { failureOf, serverFaultOf, unreachableFrom } from '../mistakes.ts'
import { isLocal } from '../probe/local-address.ts'
import { byRule, evidenceOf, type Finding, fails, warns } from '../problem.ts'
import { listOf, visitOf, webUrl } from '../walk.ts'

/** Where the code becomes a token. It is only looked at from outside: nothing is posted there. */
const WHAT = 'The token endpoint'

export const token: Step = (journey) => {
  const { walk, server_metadata: document, server_answer: answer, profile } = journey
  const url = webUrl(document?.token_endpoint)
  if (!url || !answer) return []
  const internal = unreachableFrom(walk.url, url, WHAT, answer)
  if (internal) return [fails(internal)]
  const findings: Finding[] = []
  if (url.protocol !== 'https:' && !isLocal(url)) {
    const rule = profile.rules.token_endpoint
    const problem = {
      mistake: 'token_endpoint_http',
      says: `${WHAT} is plain http, and clients do not send codes over it.`,
      mend: 'Serve it with https; behind a proxy configure the public URL of the authorization server.',
      evidence: evidenceOf(answer, url.href),
    }
    findings.push(rule.is === 'https only' ? byRule(rule, problem) : warns(problem))
  }
  const preflight = visitOf(walk, 'preflight', url.href)?.hops[0]
  if (!preflight) return findings
  const broken =
    failureOf(preflight, WHAT) ??
    (preflight.outcome === 'answered' && preflight.status !== 501
      ? serverFaultOf(preflight, WHAT)
      : undefined)
  const closed = profile.in_browser ? isPostableFromBrowser(walk, url.href, WHAT) : undefined
  if (broken ?? closed)
    return [...findings, ...[broken ?? closed].flatMap((problem) => (problem ? [fails(problem)] : []))]
  return [...findings, ...grantFindings(journey)]
}

function grantFindings({ server_metadata, server_answer: answer }: Journey): Finding[] {
  const grants = listOf(server_metadata, 'grant_types_supported')
  if (!answer || grants === undefined || grants.includes('refresh_token')) return []
  return [
    warns({
      mistake: 'no_refresh',
      says: 'The authorization server does not offer refresh tokens, so that people sign in again whenever a token expires.',
      mend: 'Offer the grant refresh_token, and list it in grant_types_supported.',
      evidence: evidenceOf(answer, grants),
    }),
  ]
}
