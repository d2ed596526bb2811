import type { Answered } from './probe/exchange.ts'
import { evidenceOf, type Problem } from './problem.ts'
import { BROWSER_ORIGIN, visitOf, type Walk } from './walk.ts'

/** What a page in a browser may read and send (the CORS protocol of the Fetch standard). */
function isAllowed(answer: Answered | undefined): boolean {
  const allowed = answer?.headers.get('access-control-allow-origin')
  return allowed === '*' || allowed === BROWSER_ORIGIN
}

/** The problem, when a page may not read the document at the URL of this answer. */
export function isReadableFromBrowser(walk: Walk, answer: Answered, what: string): Problem | undefined {
  const asked = visitOf(walk, 'cross-origin GET', answer.url)?.hops[0]
  if (asked === undefined || (asked.outcome === 'answered' && isAllowed(asked))) return undefined
  return {
    mistake: 'cors_missing',
    says: `${what} may not be read by a page in a browser: CORS headers are missing.`,
    mend: 'Send Access-Control-Allow-Origin: * there; these documents are public.',
    evidence: evidenceOf(asked),
  }
}

/** The problem, when a page may not post to this endpoint. */
export function isPostableFromBrowser(walk: Walk, url: string, what: string): Problem | undefined {
  const preflight = visitOf(walk, 'preflight', url)?.hops[0]
  if (preflight === undefined || preflight.outcome === 'failed') return undefined
  if (preflight.status < 300 && isAllowed(preflight)) return undefined
  return {
    mistake: 'cors_missing',
    says: `${what} may not be called by a page in a browser: OPTIONS is answered with status ${preflight.status} and ${isAllowed(preflight) ? '' : 'without '}CORS headers.`,
    mend: 'Answer OPTIONS there with Access-Control-Allow-Origin: * and allow Content-Type; look whether a proxy answers OPTIONS by itself.',
    evidence: evidenceOf(preflight),
  }
}
