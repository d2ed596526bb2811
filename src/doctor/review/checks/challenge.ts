import { type Check, found, foundIf, notMade, PASSED, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import {
  bearerChallengeOf,
  challengeParameter,
  isOpen,
  refusalOf,
  type Seen,
  statusOf,
  statusText,
} from '../seen.ts'

/** Does whoever comes without a token learn what to do? */
function whereRefused(seen: Seen, judge: () => Verdict): Verdict {
  if (isOpen(seen)) return notMade('the server asks for no token')
  return statusOf(refusalOf(seen)) === 401 ? judge() : notMade('the server does not answer 401')
}

function whereChallenged(seen: Seen, judge: () => Verdict): Verdict {
  return whereRefused(seen, () => {
    if (seen.options.strategy === 'token') return notMade('with --strategy token there is no OAuth flow')
    const challenge = bearerChallengeOf(refusalOf(seen))
    return challenge && challenge !== 'malformed'
      ? judge()
      : notMade('there is no challenge that can be read')
  })
}

export const CHALLENGE_CHECKS: Check[] = [
  {
    id: 'challenge.status',
    title: 'Whoever comes without a token is not answered 401',
    severity: 'high',
    section: SECTION.error_handling,
    mend: 'Answer 401 with a WWW-Authenticate header; clients begin the OAuth flow on nothing else.',
    judge(seen) {
      if (isOpen(seen)) return notMade('the server asks for no token')
      const refusal = refusalOf(seen)
      return foundIf(statusOf(refusal) !== 401, `without a token: ${statusText(refusal)}`)
    },
  },
  {
    id: 'challenge.missing',
    title: 'A 401 has no Bearer challenge',
    severity: 'high',
    section: SECTION.bearer_challenge,
    mend: 'Send WWW-Authenticate: Bearer resource_metadata="…", scope="…" with every 401.',
    judge: (seen) =>
      whereRefused(seen, () =>
        foundIf(bearerChallengeOf(refusalOf(seen)) === undefined, 'the 401 has no WWW-Authenticate: Bearer'),
      ),
  },
  {
    id: 'challenge.malformed',
    title: 'The WWW-Authenticate header cannot be read',
    severity: 'high',
    section: SECTION.bearer_challenge,
    mend: 'Quote every parameter, separate them by commas, escape " and \\, and name none twice (RFC 9110 §11.6.1).',
    judge: (seen) =>
      whereRefused(seen, () =>
        foundIf(
          bearerChallengeOf(refusalOf(seen)) === 'malformed',
          'the header does not follow RFC 9110 §11.6.1',
        ),
      ),
  },
  {
    id: 'challenge.no-metadata',
    title: 'The challenge does not say where the metadata is',
    severity: 'low',
    section: SECTION.challenge,
    mend: 'Add resource_metadata="<URL of the RFC 9728 document>" to the challenge.',
    judge: (seen) =>
      whereChallenged(seen, () => {
        const named = challengeParameter(seen, 'resource_metadata')
        if (named === undefined) return found('the challenge has no resource_metadata')
        return foundIf(!URL.canParse(named), `resource_metadata is no absolute URL: ${named}`)
      }),
  },
  {
    id: 'challenge.no-scope',
    title: 'The challenge does not say what to ask for',
    severity: 'low',
    section: SECTION.scope_selection,
    mend: 'Add scope="…" with the least that a client needs to begin; without it clients ask for everything.',
    judge: (seen) =>
      whereChallenged(seen, () =>
        challengeParameter(seen, 'scope') ? PASSED : found('the challenge has no scope'),
      ),
  },
]
