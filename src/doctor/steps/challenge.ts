import type { Answered } from '../crawl/exchange.ts'
import type { Crawl } from '../crawl/http-cache.ts'
import { bearerChallengeOf, challengedMetadataUrl, headerOf, statusOf } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, warns } from './client-state.ts'

/** A client begins to sign in at 401 and at nothing else; the challenge says where to look. */
export const challenge: Step = (state) => {
  const { first } = state
  if (!first) return undefined
  const { status, text } = first
  if (status < 300) {
    state.is_open = true
    return warns(finding('no_sign_in', evidenceOf(first)))
  }
  if (status === 401) return warns(challengeFinding(state, first))
  const id = status === 403 ? 'forbidden_instead_of_unauthorized' : 'no_unauthorized'
  return stops(finding(id, evidenceOf(first, text.slice(0, 120) || undefined), { status }))
}

function challengeFinding(state: ClientState, first: Answered) {
  const header = headerOf(first, 'www-authenticate')
  if (header === undefined) {
    const via = headerOf(first, 'via') ?? headerOf(first, 'server')
    const evidence = evidenceOf(first, via === undefined ? undefined : `answered by ${via}`)
    return finding(hasMetadata(state.crawl) ? 'challenge_stripped' : 'challenge_missing', evidence)
  }
  const bearer = bearerChallengeOf(first)
  const evidence = evidenceOf(first, header)
  state.challenged_url = challengedMetadataUrl(first)
  if (bearer === 'malformed') return finding('challenge_malformed', evidence)
  if (bearer === undefined) return finding('challenge_not_bearer', evidence)
  const { parameters } = bearer
  state.challenged_scope = parameters.get('scope')
  if (state.challenged_url !== undefined) return undefined
  const is_named = parameters.has('resource_metadata')
  return finding(is_named ? 'metadata_url_invalid' : 'challenge_without_metadata', evidence)
}

function hasMetadata({ responses }: Crawl): boolean {
  return [...responses].some(
    ([key, response]) => /^GET .*oauth-protected-resource/.test(key) && statusOf(response) === 200,
  )
}
