import type { Journey, Step } from '../journey.ts'
import { failureOf, serverFaultOf, unreachableFrom } from '../mistakes.ts'
import { evidenceOf, type Finding, fails, warns } from '../problem.ts'
import { asStranger, listOf, visitOf, webUrl } from '../walk.ts'

/** The page where people sign in and allow, and what the client will ask there. */
const WHAT = 'The authorization endpoint'

export const authorize: Step = (journey) => {
  const { walk, server_metadata: document, server_answer: answer, profile } = journey
  journey.scope = scopeOf(journey)
  const url = webUrl(document?.authorization_endpoint)
  if (!url || !answer) return []
  const internal = unreachableFrom(walk.url, url, WHAT, answer)
  if (internal) return [fails(internal)]
  if (journey.trial) return journey.trial.authorize
  const asked = visitOf(walk, 'GET', asStranger(url.href) ?? '')?.hops[0]
  if (!asked) return []
  const broken = failureOf(asked, WHAT) ?? serverFaultOf(asked, WHAT)
  if (broken) return [fails(broken)]
  if (asked.outcome === 'failed') return []
  if (asked.status === 404 || asked.status === 405)
    return [
      fails({
        mistake: 'endpoint_not_found',
        says: `${WHAT} that the metadata names answers with status ${asked.status}: the page to sign in is not there.`,
        mend: 'Correct authorization_endpoint, or let the proxy pass its path on.',
        evidence: evidenceOf(asked),
      }),
    ]
  return profile.probes_authorize && asked.status !== 400 ? [unknownClient(asked)] : []
}

function unknownClient(asked: Parameters<typeof evidenceOf>[0]): Finding {
  return warns({
    mistake: 'unknown_client_not_400',
    says: 'An unknown client is not answered with 400 at the authorization endpoint, so that a client whose registration is gone does not notice.',
    mend: 'Answer an unknown client_id with status 400, and without a redirect (RFC 6749 §4.1.2.1).',
    evidence: evidenceOf(asked),
  })
}

/** What the client will ask for; undefined when it leaves the scope out. */
export function scopeOf({
  profile,
  challenged_scope,
  resource_metadata,
  server_metadata,
}: Journey): string | undefined {
  const listed = {
    challenge: challenged_scope,
    resource: listOf(resource_metadata, 'scopes_supported')?.join(' '),
    server: listOf(server_metadata, 'scopes_supported')?.join(' '),
  }
  return profile.rules.scope.is.map((from) => listed[from]).find(Boolean)
}
