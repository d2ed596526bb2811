import type { Exchange } from '../../probe/exchange.ts'
import { type Check, found, foundIf, notMade, PASSED, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import { bearerChallengeOf, isLetIn, isOpen, type Seen, statusOf, statusText } from '../seen.ts'

/** Is every token refused that must be? Where no token is needed at all, nothing is learned from that. */
function whereGuarded(seen: Seen, judge: () => Verdict): Verdict {
  return isOpen(seen) ? notMade('the server asks for no token') : judge()
}

function refusedOf(seen: Seen, answer: Exchange | undefined, what: string, flag: string): Verdict {
  return whereGuarded(seen, () => {
    if (!answer) return notMade(`there is no ${what}`, flag)
    return isLetIn(seen.made_up.random)
      ? notMade('any token is let in')
      : foundIf(isLetIn(answer), `${what} was let in`)
  })
}

const inHeader = ({ made_up: { random, malformed, unsigned } }: Seen): [string, Exchange][] => [
  ['a random token', random],
  ['a malformed token', malformed],
  ['an unsigned token', unsigned],
]

export const TOKEN_CHECKS: Check[] = [
  {
    id: 'tokens.random',
    title: 'Any token opens the server',
    severity: 'critical',
    section: SECTION.token_handling,
    mend: 'Validate every token: introspect it, or check its signature, issuer, audience and expiry.',
    judge: (seen) =>
      whereGuarded(seen, () => {
        const { random, malformed } = seen.made_up
        return foundIf(isLetIn(random) || isLetIn(malformed), 'a token that nobody issued was let in')
      }),
  },
  {
    id: 'tokens.unsigned',
    title: 'A token without a signature opens the server',
    severity: 'critical',
    section: SECTION.token_handling,
    mend: 'Check the signature of JWTs against the keys of the issuer, and accept only the algorithms that it uses.',
    judge: (seen) =>
      whereGuarded(seen, () => {
        const { random, unsigned } = seen.made_up
        return foundIf(isLetIn(unsigned) && !isLetIn(random), 'a JWT with "alg": "none" was let in')
      }),
  },
  {
    id: 'tokens.status',
    title: 'A bad token is not answered 401',
    severity: 'medium',
    section: SECTION.error_handling,
    mend: 'Answer 401 for every token that is not valid; clients get a new one on nothing else. Never 500.',
    judge: (seen) =>
      whereGuarded(seen, () => {
        const wrong = inHeader(seen).filter(([what, answer]) => {
          const expected = what === 'a malformed token' ? [400, 401] : [401]
          return !isLetIn(answer) && !expected.includes(statusOf(answer) ?? 0)
        })
        return foundIf(
          wrong.length > 0,
          wrong.map(([what, answer]) => `${what}: ${statusText(answer)}`).join('; '),
        )
      }),
  },
  {
    id: 'tokens.challenge',
    title: 'A bad token is refused without a challenge',
    severity: 'medium',
    section: SECTION.bearer_challenge,
    mend: 'Send the challenge with error="invalid_token" also when a token was sent.',
    judge: (seen) =>
      whereGuarded(seen, () => {
        const silent = inHeader(seen).filter(([, answer]) => {
          const challenge = statusOf(answer) === 401 ? bearerChallengeOf(answer) : undefined
          return statusOf(answer) === 401 && (challenge === undefined || challenge === 'malformed')
        })
        // Where no 401 at all has one that can be read, that is said once.
        const first = bearerChallengeOf(seen.anonymous.listed.last.answer)
        if (first === undefined || first === 'malformed') return notMade('no 401 has a challenge')
        return foundIf(silent.length > 0, `no challenge for ${silent.map(([what]) => what).join(', ')}`)
      }),
  },
  {
    id: 'tokens.query-status',
    title: 'A made-up token in the address is not refused',
    severity: 'high',
    section: SECTION.access_token_usage,
    mend: 'Answer 400 when the query has access_token, and never look at what it says.',
    judge: (seen) =>
      whereGuarded(seen, () => {
        const { in_query } = seen.made_up
        return foundIf(
          ![400, 401].includes(statusOf(in_query) ?? 0),
          `?access_token=…: ${statusText(in_query)}`,
        )
      }),
  },
  {
    id: 'tokens.query',
    title: 'A token in the address opens the server, and ends up in logs',
    severity: 'high',
    section: SECTION.access_token_usage,
    mend: 'Accept tokens in the Authorization header only.',
    judge: (seen) => refusedOf(seen, seen.token?.in_query, 'token in the address', '--token'),
  },
  {
    id: 'tokens.audience',
    title: 'A token for another resource opens the server',
    severity: 'critical',
    section: SECTION.token_handling,
    mend: 'Refuse every token whose audience is not this resource (RFC 8707).',
    judge: (seen) => refusedOf(seen, seen.foreign, 'token of another resource', '--foreign-token'),
  },
  {
    id: 'tokens.expired',
    title: 'An expired token opens the server',
    severity: 'high',
    section: SECTION.token_handling,
    mend: 'Check the expiry of the token at every request.',
    judge: (seen) => refusedOf(seen, seen.expired, 'expired token', '--expired-token'),
  },
  {
    id: 'tokens.good',
    title: 'A token that should be good is refused',
    severity: 'info',
    section: SECTION.token_handling,
    mend: 'Give the review a token that lives; the checks that need one were made with a dead one.',
    judge(seen) {
      if (!seen.token) return notMade('there is no token', '--token')
      const { answer } = seen.token.listed.last
      return seen.token.listed.tools ? PASSED : found(`tools/list with the token: ${statusText(answer)}`)
    },
  },
]
