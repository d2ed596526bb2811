import type { Journey, Step } from '../journey.ts'
import { readChallenges } from '../probe/challenge.ts'
import type { Answered } from '../probe/exchange.ts'
import { evidenceOf, type Finding, fails, warns } from '../problem.ts'
import { challengedMetadataUrl } from '../walk.ts'

/** A client begins to sign in at 401 and at nothing else; the challenge says where to look. */
export const challenge: Step = (journey) => {
  const { first } = journey
  if (!first) return []
  if (first.status < 300) {
    journey.is_open = true
    return [
      warns({
        mistake: 'no_sign_in',
        says: 'The MCP server answers without a token, so that no client ever asks people to sign in.',
        mend: 'Where it should be protected, answer every request without a valid token with 401.',
        evidence: evidenceOf(first),
      }),
    ]
  }
  if (first.status !== 401) return [fails(otherStatus(first))]
  return headerFindings(journey, first)
}

function otherStatus(first: Answered) {
  const evidence = evidenceOf(first, first.text.slice(0, 120) || undefined)
  if (first.status === 403)
    return {
      mistake: 'forbidden_instead_of_unauthorized',
      says: 'A request without a token is answered with 403 instead of 401, which clients take for a final no.',
      mend: 'Answer 401 with WWW-Authenticate; where the server does, let the firewall or proxy in front pass the request.',
      evidence,
    }
  return {
    mistake: 'no_unauthorized',
    says: `A request without a token is answered with status ${first.status} instead of 401, so that clients do not begin to sign in.`,
    mend: 'Look for a token before anything else in the request, and answer 401 with WWW-Authenticate where there is none.',
    evidence,
  }
}

function headerFindings(journey: Journey, first: Answered): Finding[] {
  const header = first.headers.get('www-authenticate')
  if (header === null) return [warns(missingHeader(journey, first))]
  const evidence = evidenceOf(first, header)
  const challenges = readChallenges(header)
  const bearer = challenges?.find(({ scheme }) => scheme === 'bearer')
  journey.challenged_scope = bearer?.parameters.get('scope')
  journey.challenged_url = challengedMetadataUrl(first)
  if (challenges !== undefined && !bearer)
    return [
      warns({
        mistake: 'challenge_not_bearer',
        says: 'The challenge is not of the scheme Bearer: something in front, such as a password of the proxy, asks first.',
        mend: 'Take that away from the MCP endpoint, or let the MCP server answer 401 itself.',
        evidence,
      }),
    ]
  if (challenges === undefined)
    return [
      warns({
        mistake: 'challenge_malformed',
        says: 'The WWW-Authenticate header is malformed, and each client makes something else of it.',
        mend: 'Write it as Bearer name="value", name="value", with quotes and backslashes in values escaped (RFC 9110 §11.6.1).',
        evidence,
      }),
    ]
  return journey.challenged_url === undefined ? [warns(withoutMetadata(bearer?.parameters, evidence))] : []
}

function withoutMetadata(
  parameters: ReadonlyMap<string, string> | undefined,
  evidence: Finding['problem']['evidence'],
) {
  const mend = 'Add resource_metadata="…" with the absolute URL of the metadata (RFC 9728 §5.1).'
  if (parameters?.has('resource_metadata'))
    return {
      mistake: 'metadata_url_invalid',
      says: 'The resource_metadata of the challenge is not an absolute http or https URL, so that clients ignore it.',
      mend,
      evidence,
    }
  return {
    mistake: 'challenge_without_metadata',
    says: 'The challenge does not name the metadata, so that clients have to guess where it is.',
    mend,
    evidence,
  }
}

function missingHeader({ walk }: Journey, first: Answered) {
  const has_metadata = [...walk.visits.entries()].some(
    ([key, { hops }]) =>
      key.startsWith('GET ') &&
      key.includes('oauth-protected-resource') &&
      hops[0].outcome === 'answered' &&
      hops[0].status === 200,
  )
  const via = first.headers.get('via') ?? first.headers.get('server')
  return {
    mistake: 'challenge_missing',
    says: has_metadata
      ? 'The 401 has no WWW-Authenticate header although the server has metadata: a proxy in front seems to strip it.'
      : 'The 401 has no WWW-Authenticate header, so that clients have to guess where the metadata is.',
    mend: has_metadata
      ? 'Let the proxy pass WWW-Authenticate on; where there is no proxy, send Bearer resource_metadata="…" with every 401.'
      : 'Send WWW-Authenticate: Bearer resource_metadata="…" with every 401.',
    evidence: evidenceOf(first, via === null ? undefined : `answered by ${via}`),
  }
}
