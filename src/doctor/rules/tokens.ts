import type { Exchange } from '../crawl/exchange.ts'
import { challengeParameters, isLetIn, statusOf, statusText } from '../crawl/response.ts'
import type { ReviewCrawl } from '../crawl/review-crawl.ts'
import { notJudged, type Rule, rule, whereGuarded } from './rule.ts'
import { authorization, rfc } from './section.ts'

/** Is every token refused that must be? */
const isRefused = (what: string, flag: string, pick: (crawl: ReviewCrawl) => Exchange | undefined) =>
  whereGuarded((crawl) => {
    const response = pick(crawl)
    if (!response) return notJudged(`there is no ${what}`, flag)
    return isLetIn(crawl.invalid_tokens.random)
      ? notJudged('any token is let in')
      : isLetIn(response) && `${what} was let in`
  })

const inHeader = ({ invalid_tokens: { random, malformed, unsigned } }: ReviewCrawl): [string, Exchange][] => [
  ['a random token', random],
  ['a malformed token', malformed],
  ['an unsigned token', unsigned],
]

export const TOKEN_RULES: Rule[] = [
  rule('tokens.random', 'critical', authorization('token-handling'), {
    title: 'Any token is accepted',
    remediation: 'Validate every token: introspect it, or check its signature, issuer, audience and expiry.',
    judge: whereGuarded(
      ({ invalid_tokens: { random, malformed } }) =>
        (isLetIn(random) || isLetIn(malformed)) && 'a token that was never issued was let in',
    ),
  }),
  rule('tokens.unsigned', 'critical', authorization('token-handling'), {
    title: 'A token without a signature is accepted',
    remediation:
      'Check the signature of JWTs against the keys of the issuer, and accept only the algorithms that it uses.',
    judge: whereGuarded(
      ({ invalid_tokens: { random, unsigned } }) =>
        isLetIn(unsigned) && !isLetIn(random) && 'a JWT with "alg": "none" was let in',
    ),
  }),
  rule('tokens.status', 'medium', authorization('error-handling'), {
    title: 'A bad token is not answered 401',
    remediation:
      'Answer 401 for every token that is not valid; clients get a new one on nothing else. Never 500.',
    judge: whereGuarded((crawl) => {
      const wrong = inHeader(crawl).filter(([what, response]) => {
        const expected = what === 'a malformed token' ? [400, 401] : [401]
        return !isLetIn(response) && !expected.includes(statusOf(response) ?? 0)
      })
      return (
        wrong.length > 0 && wrong.map(([what, response]) => `${what}: ${statusText(response)}`).join('; ')
      )
    }),
  }),
  rule('tokens.challenge', 'medium', rfc(6750, '3'), {
    title: 'A bad token is refused without a challenge',
    remediation: 'Send the challenge with error="invalid_token" also when a token was sent.',
    judge: whereGuarded((crawl) => {
      // Where no 401 at all has one that can be read, that is said once.
      if (!challengeParameters(crawl.anonymous.listed.last.response))
        return notJudged('no 401 has a challenge')
      const silent = inHeader(crawl).filter(
        ([, response]) => statusOf(response) === 401 && !challengeParameters(response),
      )
      return silent.length > 0 && `no challenge for ${silent.map(([what]) => what).join(', ')}`
    }),
  }),
  rule('tokens.query-status', 'high', authorization('access-token-usage'), {
    title: 'An invalid token in the address is not refused',
    remediation: 'Answer 400 when the query has access_token, and never look at what it says.',
    judge: whereGuarded(
      ({ invalid_tokens: { in_query } }) =>
        ![400, 401].includes(statusOf(in_query) ?? 0) && `access_token in the query: ${statusText(in_query)}`,
    ),
  }),
  rule('tokens.query', 'high', authorization('access-token-usage'), {
    title: 'A token in the address is accepted, and ends up in logs',
    remediation: 'Accept tokens in the Authorization header only.',
    judge: isRefused('token in the address', '--token', ({ token }) => token?.in_query),
  }),
  rule('tokens.audience', 'critical', authorization('token-handling'), {
    title: 'A token for another resource is accepted',
    remediation: 'Refuse every token whose audience is not this resource (RFC 8707).',
    judge: isRefused('token of another resource', '--foreign-token', ({ foreign_token }) => foreign_token),
  }),
  rule('tokens.expired', 'high', authorization('token-handling'), {
    title: 'An expired token is accepted',
    remediation: 'Check the expiry of the token at every request.',
    judge: isRefused('expired token', '--expired-token', ({ expired_token }) => expired_token),
  }),
  rule('tokens.good', 'info', authorization('token-handling'), {
    title: 'A token that should be good is refused',
    remediation: 'Give the review a token that lives; the rules that need one were judged with a dead one.',
    judge({ token }) {
      if (!token) return notJudged('there is no token', '--token')
      const { tools, last } = token.listed
      return tools === undefined && `tools/list with the token: ${statusText(last.response)}`
    },
  }),
]
