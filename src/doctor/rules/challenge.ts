import type { Exchange } from '../crawl/exchange.ts'
import { bearerChallengeOf, challengeParameter, statusOf, statusText } from '../crawl/response.ts'
import { refusalOf } from '../crawl/review-crawl.ts'
import { foundIf, notJudged, type Rule, rule, type Verdict, whereGuarded } from './rule.ts'
import { SECTION } from './section.ts'

/** Does a client without a token learn what to do? */
const whereRefused = (judge: (refusal: Exchange) => Verdict) =>
  whereGuarded((crawl) => {
    const refusal = refusalOf(crawl)
    return statusOf(refusal) === 401 ? judge(refusal) : notJudged('the server does not answer 401')
  })

const whereChallenged = (judge: (refusal: Exchange) => Verdict) =>
  whereRefused((refusal) => {
    const challenge = bearerChallengeOf(refusal)
    return challenge && challenge !== 'malformed' ? judge(refusal) : notJudged('no challenge can be read')
  })

const inOAuth =
  (judge: Rule['judge']): Rule['judge'] =>
  (crawl) =>
    crawl.options.strategy === 'token'
      ? notJudged('with --strategy token there is no OAuth flow')
      : judge(crawl)

export const CHALLENGE_RULES: Rule[] = [
  rule('challenge.status', 'high', SECTION.error_handling, {
    title: 'A request without a token is not answered 401',
    remediation: 'Answer 401 with a WWW-Authenticate header; clients begin the OAuth flow on nothing else.',
    judge: whereGuarded((crawl) => {
      const refusal = refusalOf(crawl)
      return foundIf(statusOf(refusal) !== 401, `without a token: ${statusText(refusal)}`)
    }),
  }),
  rule('challenge.missing', 'high', SECTION.bearer_challenge, {
    title: 'A 401 has no Bearer challenge',
    remediation: 'Send WWW-Authenticate: Bearer resource_metadata="…", scope="…" with every 401.',
    judge: whereRefused((refusal) =>
      foundIf(bearerChallengeOf(refusal) === undefined, 'the 401 has no WWW-Authenticate: Bearer'),
    ),
  }),
  rule('challenge.malformed', 'high', SECTION.bearer_challenge, {
    title: 'The WWW-Authenticate header cannot be read',
    remediation:
      'Quote every parameter, separate them by commas, escape " and \\, and name none twice (RFC 9110 §11.6.1).',
    judge: whereRefused((refusal) =>
      foundIf(bearerChallengeOf(refusal) === 'malformed', 'the header does not follow RFC 9110 §11.6.1'),
    ),
  }),
  rule('challenge.no-metadata', 'low', SECTION.challenge, {
    title: 'The challenge does not say where the metadata is',
    remediation: 'Add resource_metadata="<URL of the RFC 9728 document>" to the challenge.',
    judge: inOAuth(
      whereChallenged((refusal) => {
        const named = challengeParameter(refusal, 'resource_metadata')
        if (named === undefined) return 'the challenge has no resource_metadata'
        return foundIf(!URL.canParse(named), `resource_metadata is no absolute URL: ${named}`)
      }),
    ),
  }),
  rule('challenge.no-scope', 'low', SECTION.scope_selection, {
    title: 'The challenge does not say what to ask for',
    remediation:
      'Add scope="…" with the least that a client needs to begin; without it clients ask for everything.',
    judge: inOAuth(
      whereChallenged((refusal) =>
        foundIf(!challengeParameter(refusal, 'scope'), 'the challenge has no scope'),
      ),
    ),
  }),
]
