import { isReadableFromBrowser } from '../cross-origin.ts'
import type { Journey, Step } from '../journey.ts'
import { documentMistake } from '../mistakes.ts'
import { plainText } from '../plain-text.ts'
import type { Answered } from '../probe/exchange.ts'
import { isLocal } from '../probe/local-address.ts'
import { serverMetadataUrls } from '../probe/well-known.ts'
import { byRule, evidenceOf, type Finding, fails, type Problem, warns } from '../problem.ts'
import { arrivalOf } from '../visit.ts'
import {
  allServerMetadataUrls,
  asStranger,
  type Document,
  defaultEndpoints,
  documentOf,
  listOf,
  visitOf,
  webUrl,
} from '../walk.ts'

/** RFC 8414 and OpenID Connect Discovery: the metadata of the authorization server. */
const WHAT = 'The metadata of the authorization server'

export const serverMetadata: Step = (journey) => {
  const { profile, issuer } = journey
  if (issuer === undefined) return []
  const { rules } = profile
  const urls =
    rules.server_metadata.is === 'as specified' ? serverMetadataUrls(issuer) : allServerMetadataUrls(issuer)
  const missed: Missed[] = []
  for (const url of urls) {
    const { answer, document, problem } = lookAt(journey, url)
    if (document && answer) return read(journey, document, answer)
    if (problem) missed.push({ problem, answer })
    const is_broken = answer !== undefined && answer.status >= 500 && answer.status !== 502
    if (problem && ((is_broken && rules.server_error.is === 'stops') || endsTheSearch(problem)))
      return [fails(problem)]
  }
  return withoutMetadata(journey, missed)
}

type Missed = { problem: Problem; answer: Answered | undefined }

/** A 200 that is no JSON is taken for the document, and reading it fails. */
function endsTheSearch({ mistake, evidence }: Problem): boolean {
  return ['html_instead_of_json', 'not_json', 'login_page'].includes(mistake) && evidence.status === 200
}

function lookAt({ profile, walk }: Journey, url: string) {
  const visit = visitOf(walk, 'GET', url)
  if (!visit) return {}
  const answer = arrivalOf(visit, profile.rules.redirects.is)
  const problem = documentMistake(visit, answer, WHAT)
  if (answer.outcome === 'failed') return { problem }
  const document = problem ? undefined : documentOf(answer.json)
  const closed = document && profile.in_browser ? isReadableFromBrowser(walk, answer, WHAT) : undefined
  return closed ? { answer, problem: closed } : { answer, document, problem }
}

/** Some clients then suppose the endpoints that the first revision of MCP had. */
function withoutMetadata(journey: Journey, missed: readonly Missed[]): Finding[] {
  const [first] = missed
  const { walk, profile, resource_metadata, issuer = '' } = journey
  const rule = profile.rules.without_server_metadata
  if (!first) return []
  const supposed = defaultEndpoints(issuer)
  const page = visitOf(walk, 'GET', asStranger(`${supposed.authorization_endpoint}`) ?? '')?.hops[0]
  const is_there = page?.outcome === 'answered' && ![404, 405].includes(page.status)
  if (resource_metadata === undefined && !is_there) return [fails(nothingFound(walk.url))]
  if (rule.is === 'gives up' || !first.answer || !is_there)
    return [rule.is === 'gives up' ? byRule(rule, first.problem) : fails(first.problem)]
  journey.server_metadata = supposed
  journey.server_answer = first.answer
  return [warns(first.problem)]
}

function nothingFound(url: string): Problem {
  return {
    mistake: 'no_authorization_server_found',
    says: 'Neither metadata of the MCP server nor, at its origin, of an authorization server is there: nothing says where to sign in.',
    mend: 'Serve the metadata of the MCP server at /.well-known/oauth-protected-resource followed by its path, and name it in the challenge.',
    evidence: { method: 'GET', url: plainText(new URL(url).origin) },
  }
}

function read(journey: Journey, document: Document, answer: Answered): Finding[] {
  journey.server_metadata = document
  journey.server_answer = answer
  return [
    ...issuerFindings(journey, document, answer),
    ...endpointFindings(document, answer),
    ...listFindings(journey, document, answer),
  ]
}

function issuerFindings(
  { profile, issuer = '', resource_metadata }: Journey,
  document: Document,
  answer: Answered,
): Finding[] {
  const rule = profile.rules.issuer
  const said = document.issuer
  const findings = httpIssuer(issuer, answer)
  if (said === issuer) return findings
  // Without metadata of the MCP server the origin was only a guess, which nothing has to equal.
  if (resource_metadata === undefined && typeof said === 'string') return findings
  const problem = issuerProblem(said, issuer, answer)
  const is_slash = problem.mistake === 'issuer_slash'
  const agrees =
    rule.is === 'not compared' || (rule.is === 'but for the slash' && is_slash && isTolerated(said, issuer))
  return [...findings, agrees ? warns(problem) : byRule(rule, problem)]
}

/** Those who forgive a slash do so only for a server without a path. */
function isTolerated(said: unknown, expected: string): boolean {
  return typeof said === 'string' && `${said}/` === expected
}

function issuerProblem(said: unknown, expected: string, answer: Answered): Problem {
  const evidence = evidenceOf(
    answer,
    `issuer = ${typeof said === 'string' ? said : JSON.stringify(said)}, expected ${expected}`,
  )
  const mend =
    'Let the MCP server name the authorization server exactly as the authorization server spells its issuer.'
  if (typeof said !== 'string')
    return {
      mistake: 'issuer_missing',
      says: `${WHAT} has no issuer.`,
      mend: 'Set issuer to the URL of the authorization server.',
      evidence,
    }
  if (said.replace(/\/+$/, '') === expected.replace(/\/+$/, ''))
    return {
      mistake: 'issuer_slash',
      says: 'The issuer and the name that the MCP server has for it differ by a trailing slash, and clients compare letter by letter.',
      mend,
      evidence,
    }
  return {
    mistake: 'issuer_mismatch',
    says: `The authorization server calls itself ${plainText(said)}, and the MCP server calls it ${plainText(expected)}: clients take that for a forgery.`,
    mend,
    evidence,
  }
}

function httpIssuer(issuer: string, answer: Answered): Finding[] {
  const url = webUrl(issuer)
  if (!url || url.protocol === 'https:' || isLocal(url)) return []
  return [
    warns({
      mistake: 'issuer_http',
      says: 'The authorization server is named with http, and clients refuse to send codes and tokens over it.',
      mend: 'Serve it with https, and let it and the MCP server name it so; behind a proxy configure the public URL.',
      evidence: evidenceOf(answer, issuer),
    }),
  ]
}

function endpointFindings(document: Document, answer: Answered): Finding[] {
  return ['authorization_endpoint', 'token_endpoint']
    .filter((name) => webUrl(document[name]) === undefined)
    .map((name) =>
      fails({
        mistake: 'endpoint_missing',
        says: `${WHAT} has no ${name} that is a URL.`,
        mend: `Set ${name} to an absolute URL.`,
        evidence: evidenceOf(answer, document[name]),
      }),
    )
}

function listFindings({ profile }: Journey, document: Document, answer: Answered): Finding[] {
  const findings: Finding[] = []
  const methods = listOf(document, 'code_challenge_methods_supported')
  const rule = profile.rules.pkce
  if (!methods?.includes('S256')) {
    const problem = {
      mistake: 'pkce_not_advertised',
      says: `${WHAT} does not say that it supports PKCE with S256, without which clients must not go on.`,
      mend: 'Support it, and list S256 in code_challenge_methods_supported.',
      evidence: evidenceOf(
        answer,
        `code_challenge_methods_supported = ${JSON.stringify(methods) ?? 'absent'}`,
      ),
    }
    const stops = methods !== undefined || rule.is === 'must be advertised'
    findings.push(stops ? byRule(rule, problem) : warns(problem))
  }
  const types = listOf(document, 'response_types_supported')
  if (types !== undefined && !types.includes('code'))
    findings.push(
      fails({
        mistake: 'code_not_supported',
        says: `${WHAT} does not list the response type “code”.`,
        mend: 'Support the authorization code grant, and list “code” in response_types_supported.',
        evidence: evidenceOf(answer, types),
      }),
    )
  return findings
}
