import { plainText, plainUrl } from './plain-text.ts'
import type { Answered, Exchange, FailureKind } from './probe/exchange.ts'
import { isLocal } from './probe/local-address.ts'
import { evidenceOf, type Problem } from './problem.ts'
import { redirectTarget, type Visit } from './visit.ts'

/** Names what went wrong in one exchange, whatever it was for: the network, a proxy, a page where data should be. */
const FAILURES: Record<FailureKind, [mistake: string, says: string, mend: string]> = {
  dns: [
    'name_not_found',
    'its name is not found in DNS',
    'Check the spelling; a name that only an internal network knows has to be published, or the client has to be in that network.',
  ],
  refused: [
    'connection_refused',
    'the connection is refused: nothing listens there',
    'Start what should listen there, and check host and port.',
  ],
  tls: [
    'tls',
    'the TLS handshake fails',
    'Install a certificate that is in date, is for this name, and has its whole chain, from an authority that clients trust; where the port speaks plain http, put TLS in front of it.',
  ],
  timeout: [
    'no_answer',
    'no answer comes in time',
    'Look for a firewall that drops packets, or a server that hangs; clients wait for about ten seconds.',
  ],
  too_large: ['too_large', 'the answer is far too large', 'Check that the URL is the right one.'],
  other: [
    'connection_failed',
    'the connection breaks off',
    'Look whether it speaks HTTP at this port, and into the log of what listens there.',
  ],
}

/** `what` begins a sentence: “The MCP server at …”. */
export function failureOf(exchange: Exchange, what: string): Problem | undefined {
  if (exchange.outcome === 'answered') return undefined
  const [mistake, says, mend] = FAILURES[exchange.kind]
  const url = plainUrl(exchange.url)
  return {
    mistake,
    says: `${what} cannot be reached: ${says} (${url}).`,
    mend,
    evidence: evidenceOf(exchange, exchange.reason),
  }
}

const GATEWAY = new Set([502, 503, 504])

/** A status of 500 and more. */
export function serverFaultOf(exchange: Exchange, what: string): Problem | undefined {
  if (exchange.outcome !== 'answered' || exchange.status < 500) return undefined
  const { status } = exchange
  const evidence = evidenceOf(exchange, exchange.headers.get('server') ?? undefined)
  if (GATEWAY.has(status))
    return {
      mistake: 'proxy_cannot_reach_server',
      says: `${what} is answered by a proxy with status ${status}: the proxy cannot reach what stands behind it.`,
      mend: 'Start the server behind the proxy, and check the address to which the proxy passes requests.',
      evidence,
    }
  return {
    mistake: 'server_error',
    says: `${what} is answered with status ${status}: the server fails.`,
    mend: 'Look into its log.',
    evidence,
  }
}

const SIGN_IN = /log-?in|sign-?in|\bsso\b|saml|\bauth\b|adfs|okta|cloudflareaccess|vpn|portal/i

/** Where a redirect leads that nobody asked for. */
export function redirectOf(visit: Visit, exchange: Exchange, what: string): Problem | undefined {
  if (visit.circles)
    return {
      mistake: 'redirect_loop',
      says: `${what} redirects in a circle.`,
      mend: 'Let it be answered without a redirect; often a proxy and the server each insist on another scheme, host or slash.',
      evidence: evidenceOf(exchange, visit.hops.map(({ url }) => plainUrl(url)).join(' → ')),
    }
  const target = redirectTarget(exchange)
  if (!target) return undefined
  const evidence = evidenceOf(exchange, plainUrl(target.href))
  const from = new URL(exchange.url)
  if (SIGN_IN.test(target.hostname + target.pathname) && target.origin !== from.origin)
    return signInPage(what, evidence)
  return {
    mistake: 'redirected',
    says: `${what} is redirected to ${plainUrl(target.href)}, and clients do not follow there.`,
    mend:
      target.protocol === 'https:' && from.protocol === 'http:'
        ? 'Give people the https URL, and let it be the one that the metadata names.'
        : 'Answer at the URL that people type, or give them the one it leads to.',
    evidence,
  }
}

function signInPage(what: string, evidence: Problem['evidence']): Problem {
  return {
    mistake: 'login_page',
    says: `${what} leads to the login page of something in front of it, such as a VPN or a single sign-on.`,
    mend: 'Let the MCP endpoint and the /.well-known paths pass it without its login; the bearer token protects them.',
    evidence,
  }
}

export function isHtml({ headers, text }: Answered): boolean {
  return (
    /text\/html/i.test(headers.get('content-type') ?? '') || /^\s*<(!doctype|html|head|body)\b/i.test(text)
  )
}

/** A page where data should be. */
export function pageOf(answer: Answered, what: string): Problem | undefined {
  if (!isHtml(answer)) return undefined
  const title = /<title[^>]*>([^<]{0,200})/i.exec(answer.text)?.[1]?.trim()
  const evidence = evidenceOf(answer, title === undefined ? answer.text.slice(0, 80) : `the page “${title}”`)
  if (/type\s*=\s*["']?password/i.test(answer.text) || SIGN_IN.test(title ?? ''))
    return signInPage(what, evidence)
  return {
    mistake: 'html_instead_of_json',
    says: `${what} is answered with an HTML page instead of JSON: another program, such as a website, answers at this path.`,
    mend: 'Let the proxy pass this path to the server that has the data, ahead of the rule that answers everything with a page.',
    evidence,
  }
}

/** Why no JSON object came from where a document should be; undefined when one did. */
export function documentMistake(visit: Visit, answer: Exchange, what: string): Problem | undefined {
  const before = failureOf(answer, what) ?? redirectOf(visit, answer, what) ?? serverFaultOf(answer, what)
  if (before || answer.outcome === 'failed') return before
  if (answer.status !== 200) return statusOf(answer, what)
  const is_object = typeof answer.json === 'object' && answer.json !== null && !Array.isArray(answer.json)
  if (is_object) return undefined
  return (
    pageOf(answer, what) ?? {
      mistake: 'not_json',
      says: `${what} is not a JSON object.`,
      mend: 'Serve it as application/json.',
      evidence: evidenceOf(answer, answer.text.slice(0, 80)),
    }
  )
}

function statusOf(answer: Answered, what: string): Problem {
  const evidence = evidenceOf(answer, isHtml(answer) ? 'an HTML page' : undefined)
  if (answer.status === 401 || answer.status === 403)
    return {
      mistake: 'metadata_protected',
      says: `${what} is itself protected: status ${answer.status} to a client that has no token yet.`,
      mend: 'Let the /.well-known paths pass without a token or login.',
      evidence,
    }
  return {
    mistake: 'metadata_not_found',
    says: `${what} is not there: status ${answer.status}.`,
    mend: 'Serve it there; where the server does, let the proxy pass the /.well-known path on to it.',
    evidence,
  }
}

/** A URL that only the machine or network of its operator can reach, named to the public. */
export function unreachableFrom(
  walked: string,
  named: URL,
  what: string,
  seen: Exchange,
): Problem | undefined {
  if (!isLocal(named) || isLocal(new URL(walked))) return undefined
  return {
    mistake: 'internal_address',
    says: `${what} is ${plainText(named.href)}, which clients elsewhere cannot reach.`,
    mend: 'Configure the public URL; behind a proxy the program often takes the address at which the proxy reaches it.',
    evidence: evidenceOf(seen, named.href),
  }
}
