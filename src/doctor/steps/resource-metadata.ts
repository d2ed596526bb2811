import { isReadableFromBrowser } from '../cross-origin.ts'
import type { Journey, Step } from '../journey.ts'
import { documentMistake, unreachableFrom } from '../mistakes.ts'
import { plainText } from '../plain-text.ts'
import type { Answered } from '../probe/exchange.ts'
import { resourceMetadataUrls } from '../probe/well-known.ts'
import { byRule, evidenceOf, type Finding, fails, type Problem, warns } from '../problem.ts'
import { arrivalOf } from '../visit.ts'
import { type Document, documentOf, listOf, originOf, visitOf, webUrl } from '../walk.ts'

/** RFC 9728: the metadata of the MCP server, which names its authorization server. */
const WHAT = 'The metadata of the MCP server'

export const resourceMetadata: Step = (journey) => {
  const { profile, walk, challenged_url } = journey
  const well_known = resourceMetadataUrls(walk.url)
  const is_alone = challenged_url !== undefined && profile.rules.challenged_metadata.is === 'alone'
  const urls = is_alone ? [challenged_url] : [...new Set([challenged_url ?? [], well_known].flat())]
  const missed: Problem[] = []
  for (const url of urls) {
    const found = lookAt(journey, url)
    if ('document' in found)
      return [...hiddenPath(journey, missed), ...read(journey, found.document, found.answer)]
    if (found.problem) missed.push(found.problem)
  }
  return withoutMetadata(journey, missed)
}

type Look = { document: Document; answer: Answered } | { problem: Problem | undefined }

function lookAt({ profile, walk }: Journey, url: string): Look {
  const visit = visitOf(walk, 'GET', url)
  if (!visit) return { problem: notAsked(walk.url, url) }
  const answer = arrivalOf(visit, profile.rules.redirects.is)
  const problem = documentMistake(visit, answer, WHAT)
  const document = answer.outcome === 'answered' ? documentOf(answer.json) : undefined
  if (problem || !document || answer.outcome === 'failed') return { problem }
  const closed = profile.in_browser ? isReadableFromBrowser(walk, answer, WHAT) : undefined
  return closed ? { problem: closed } : { document, answer }
}

function notAsked(walked: string, url: string): Problem {
  return {
    mistake: 'internal_address',
    says: `The challenge names metadata at ${plainText(url)}, which clients elsewhere cannot reach.`,
    mend: 'Configure the public URL of the MCP server; behind a proxy it often takes the address at which the proxy reaches it.',
    evidence: { method: 'POST', url: plainText(walked), seen: plainText(url) },
  }
}

/** The challenge named one place, nothing was there, and the document was found elsewhere. */
function hiddenPath({ challenged_url }: Journey, missed: readonly Problem[]): Finding[] {
  return challenged_url === undefined ? [] : missed.slice(0, 1).map(warns)
}

function withoutMetadata(journey: Journey, missed: readonly Problem[]): Finding[] {
  const { profile, walk } = journey
  const rule = profile.rules.without_resource_metadata
  const first = missed[0]
  if (!first) return []
  if (rule.is === 'gives up') return [byRule(rule, first)]
  // The client now believes that the MCP server is its own authorization server, which it nearly never is.
  journey.issuer = originOf(walk.url)
  return [warns(first)]
}

function read(journey: Journey, document: Document, answer: Answered): Finding[] {
  journey.resource_metadata = document
  const findings = [...resourceFindings(journey, document, answer), ...methodFindings(document, answer)]
  const servers = listOf(document, 'authorization_servers')
  const server = webUrl(servers?.[0])
  const named = servers?.[0]
  if (!server || named === undefined) return [...findings, ...noServer(journey, servers, answer)]
  journey.issuer = named
  const internal = unreachableFrom(
    journey.walk.url,
    server,
    'The authorization server that the metadata names',
    answer,
  )
  return internal ? [...findings, fails(internal)] : findings
}

function noServer(journey: Journey, servers: string[] | undefined, answer: Answered): Finding[] {
  const problem = {
    mistake: 'no_authorization_server',
    says: `${WHAT} names no authorization server.`,
    mend: 'Put its issuer, as the authorization server spells it, into authorization_servers.',
    evidence: evidenceOf(
      answer,
      servers === undefined ? undefined : `authorization_servers = ${plainText(servers)}`,
    ),
  }
  if (journey.profile.rules.without_resource_metadata.is === 'gives up' || servers?.length)
    return [fails(problem)]
  journey.issuer = originOf(journey.walk.url)
  return [warns(problem)]
}

function methodFindings(document: Document, answer: Answered): Finding[] {
  const methods = listOf(document, 'bearer_methods_supported')
  if (methods === undefined || methods.includes('header')) return []
  return [
    warns({
      mistake: 'header_not_offered',
      says: `${WHAT} does not list “header” among bearer_methods_supported, and clients send tokens in no other way.`,
      mend: 'List it, and take tokens from the Authorization header.',
      evidence: evidenceOf(answer, methods),
    }),
  ]
}

function resourceFindings({ profile, walk }: Journey, document: Document, answer: Answered): Finding[] {
  const rule = profile.rules.resource
  const { resource } = document
  const named = webUrl(resource)
  if (!named || typeof resource !== 'string')
    return [
      byRule(rule, {
        mistake: 'resource_missing',
        says: `${WHAT} has no resource that is a URL.`,
        mend: `Set it to the URL that people type: ${plainText(walk.url)}`,
        evidence: evidenceOf(answer, resource),
      }),
    ]
  const problem = differenceOf(walk.url, resource, named, answer)
  if (!problem) return []
  return [agrees(rule.is, walk.url, resource, named) ? warns(problem) : byRule(rule, problem)]
}

/** As the client compares it. */
function agrees(rule: string, typed: string, resource: string, named: URL): boolean {
  const url = new URL(typed)
  if (rule === 'same text') return resource === `${url.origin}${url.pathname}`
  if (rule === 'same URL') return named.href === url.href
  // The TypeScript SDK refuses a longer path before it looks at slashes.
  if (rule === 'same or parent' && url.pathname.length < named.pathname.length) return false
  const within = (path: string) => (path.endsWith('/') ? path : `${path}/`)
  return named.origin === url.origin && within(url.pathname).startsWith(within(named.pathname))
}

function differenceOf(typed: string, resource: string, named: URL, answer: Answered): Problem | undefined {
  if (resource === typed) return undefined
  const url = new URL(typed)
  const evidence = evidenceOf(answer, `resource = ${resource}`)
  const mend = `Set resource to the URL that people type, ${plainText(typed)}, or give people the URL that it names.`
  const is_slash = named.href.replace(/\/$/, '') === url.href.replace(/\/$/, '')
  if (is_slash)
    return {
      mistake: 'resource_slash',
      says: `${WHAT} spells the URL with another trailing slash than people do.`,
      mend,
      evidence,
    }
  if (named.host !== url.host)
    return {
      mistake: 'resource_mismatch',
      says: `${WHAT} is for another host, ${plainText(named.host)}: an internal name, or that of another installation.`,
      mend,
      evidence,
    }
  if (named.protocol !== url.protocol)
    return {
      mistake: 'resource_scheme',
      says: `${WHAT} says ${named.protocol.slice(0, -1)} where people type ${url.protocol.slice(0, -1)}: behind a proxy that ends TLS the program takes its own scheme.`,
      mend,
      evidence,
    }
  return {
    mistake: 'resource_mismatch',
    says: `${WHAT} is for another path, ${plainText(named.pathname)}.`,
    mend,
    evidence,
  }
}
