import { asUnknownClient } from '../crawl/crawl.ts'
import { displayUrl } from '../crawl/display-text.ts'
import type { Answered } from '../crawl/exchange.ts'
import { type Crawl, responseTo } from '../crawl/http-cache.ts'
import { isLocal } from '../crawl/local-address.ts'
import { type JsonObject, statusOf, stringsOf, webUrl } from '../crawl/response.ts'
import { allServerMetadataUrls, defaultEndpoints, serverMetadataUrls } from '../crawl/well-known.ts'
import { evidenceOf, type Finding } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, stopsBy, warns } from './client-state.ts'
import { type FoundDocument, lookUp } from './faults.ts'

/** RFC 8414 and OpenID Connect Discovery: the metadata of the authorization server. */
const WHAT = 'The metadata of the authorization server'

export const serverMetadata: Step = (state) => {
  const { profile, issuer } = state
  if (issuer === undefined) return undefined
  const { rules } = profile
  const places = rules.server_metadata.is === 'as specified' ? serverMetadataUrls : allServerMetadataUrls
  let missed: Missed | undefined
  for (const url of places(issuer)) {
    const found = lookUp(state, url, WHAT)
    if (found.document) return read(state, found)
    const { fault, response } = found
    if (!fault) continue
    missed ??= { fault, response }
    const is_broken = response !== undefined && response.status >= 500 && response.status !== 502
    if ((is_broken && rules.server_error.is === 'stops') || endsTheSearch(fault)) return stops(fault)
  }
  return missed && withoutMetadata(state, issuer, missed)
}

type Missed = { fault: Finding; response: Answered | undefined }

/** A 200 that is no JSON is taken for the document, and reading it fails. */
function endsTheSearch({ id, evidence }: Finding): boolean {
  return ['html_instead_of_json', 'not_json', 'login_page'].includes(id) && evidence.status === 200
}

/** Some clients then suppose the endpoints that the first revision of MCP had. */
function withoutMetadata(state: ClientState, issuer: string, { fault, response }: Missed) {
  const { crawl, profile, resource_metadata } = state
  const rule = profile.rules.without_server_metadata
  const supposed = defaultEndpoints(issuer)
  const status = statusOf(responseTo(crawl, 'GET', asUnknownClient(supposed.authorization_endpoint)))
  const is_there = status !== undefined && status !== 404 && status !== 405
  if (resource_metadata === undefined && !is_there) return stops(nothingFound(crawl))
  if (rule.is === 'gives up') return stopsBy(rule, fault)
  if (!response || !is_there) return stops(fault)
  state.server_metadata = supposed
  state.server_response = response
  return warns(fault)
}

function nothingFound({ url }: Crawl): Finding {
  return finding('no_authorization_server_found', { method: 'GET', url: displayUrl(new URL(url).origin) })
}

function read(state: ClientState, { document, response }: FoundDocument) {
  state.server_metadata = document
  state.server_response = response
  return [
    plainIssuer(state, response),
    issuerFinding(state, document.issuer, response),
    ...['authorization_endpoint', 'token_endpoint']
      .filter((name) => webUrl(document[name]) === undefined)
      .map((name) => stops(finding('endpoint_missing', evidenceOf(response, document[name]), { name }))),
    pkceFinding(state, document, response),
    responseTypeFinding(document, response),
  ]
}

function plainIssuer({ issuer }: ClientState, response: Answered) {
  const url = webUrl(issuer)
  const is_plain = url?.protocol === 'http:' && !isLocal(url)
  return is_plain ? warns(finding('issuer_http', evidenceOf(response, issuer))) : undefined
}

function issuerFinding(
  { profile, issuer = '', resource_metadata }: ClientState,
  said: unknown,
  response: Answered,
) {
  const rule = profile.rules.issuer
  if (said === issuer) return undefined
  // Without metadata of the MCP server the origin was only a guess, which nothing has to equal.
  if (resource_metadata === undefined && typeof said === 'string') return undefined
  const text = typeof said === 'string' ? said : `${JSON.stringify(said)}`
  const evidence = evidenceOf(response, `issuer = ${text}, expected ${issuer}`)
  const is_slash = typeof said === 'string' && withoutSlashes(said) === withoutSlashes(issuer)
  const different = is_slash ? 'issuer_slash' : 'issuer_mismatch'
  const found = finding(typeof said === 'string' ? different : 'issuer_missing', evidence, {
    said: text,
    expected: issuer,
  })
  // Those who forgive a slash do so only for a server without a path.
  const is_forgiven = rule.is === 'but for the slash' && `${said}/` === issuer
  return rule.is === 'not compared' || is_forgiven ? warns(found) : stopsBy(rule, found)
}

/** From the first of them on, so that no text takes long. */
function withoutSlashes(text: string): string {
  return text.replace(/(?<!\/)\/+$/, '')
}

function pkceFinding({ profile }: ClientState, document: JsonObject, response: Answered) {
  const rule = profile.rules.pkce
  const methods = stringsOf(document.code_challenge_methods_supported)
  if (methods?.includes('S256')) return undefined
  const seen = `code_challenge_methods_supported = ${JSON.stringify(methods) ?? 'absent'}`
  const found = finding('pkce_not_advertised', evidenceOf(response, seen))
  return methods !== undefined || rule.is === 'must be advertised' ? stopsBy(rule, found) : warns(found)
}

function responseTypeFinding(document: JsonObject, response: Answered) {
  const types = stringsOf(document.response_types_supported)
  if (types === undefined || types.includes('code')) return undefined
  return stops(finding('code_not_supported', evidenceOf(response, types)))
}
