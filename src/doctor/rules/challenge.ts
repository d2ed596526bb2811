import type { Challenge } from '../crawl/challenge.ts'
import type { Exchange } from '../crawl/exchange.ts'
import { bearerChallengeOf, challengeParameters, statusOf, statusText } from '../crawl/response.ts'
import { refusalOf } from '../crawl/review-crawl.ts'
import { type Collected, notJudged, type Rule, rule, type Verdict, whereGuarded } from './rule.ts'
import { authorization, rfc } from './section.ts'

/** Does a client without a token learn what to do? */
const whereRefused = (judge: (refusal: Exchange, crawl: Collected) => Verdict) =>
  whereGuarded((crawl) => {
    const refusal = refusalOf(crawl)
    return statusOf(refusal) === 401 ? judge(refusal, crawl) : notJudged('the server does not answer 401')
  })

const whereChallenged = (judge: (parameters: Challenge['parameters']) => Verdict) =>
  whereRefused((refusal, { options }) => {
    if (options.strategy === 'token') return notJudged('with --strategy token there is no OAuth flow')
    const parameters = challengeParameters(refusal)
    return parameters ? judge(parameters) : notJudged('no challenge can be read')
  })

export const CHALLENGE_RULES: Rule[] = [
  rule('challenge.status', 'high', authorization('error-handling'), {
    title: 'A request without a token is not answered 401',
    remediation: 'Answer 401 with a WWW-Authenticate header; clients begin the OAuth flow on nothing else.',
    judge: whereGuarded((crawl) => {
      const refusal = refusalOf(crawl)
      return statusOf(refusal) !== 401 && `without a token: ${statusText(refusal)}`
    }),
  }),
  rule('challenge.missing', 'high', rfc(6750, '3'), {
    title: 'A 401 has no Bearer challenge',
    remediation: 'Send WWW-Authenticate: Bearer resource_metadata="…", scope="…" with every 401.',
    judge: whereRefused(
      (refusal) => bearerChallengeOf(refusal) === undefined && 'the 401 has no WWW-Authenticate: Bearer',
    ),
  }),
  rule('challenge.malformed', 'high', rfc(6750, '3'), {
    title: 'The WWW-Authenticate header cannot be read',
    remediation:
      'Quote every parameter, separate them by commas, escape " and \\, and name none twice (RFC 9110 §11.6.1).',
    judge: whereRefused(
      (refusal) =>
        bearerChallengeOf(refusal) === 'malformed' && 'the header does not follow RFC 9110 §11.6.1',
    ),
  }),
  rule('challenge.no-metadata', 'low', rfc(9728, '5.1'), {
    title: 'The challenge does not say where the metadata is',
    remediation: 'Add resource_metadata="<URL of the RFC 9728 document>" to the challenge.',
    judge: whereChallenged((parameters) => {
      const named = parameters.get('resource_metadata')
      if (named === undefined) return 'the challenge has no resource_metadata'
      return !URL.canParse(named) && `resource_metadata is no absolute URL: ${named}`
    }),
  }),
  rule('challenge.no-scope', 'low', authorization('scope-selection-strategy'), {
    title: 'The challenge does not say what to ask for',
    remediation:
      'Add scope="…" with the least that a client needs to begin; without it clients ask for everything.',
    judge: whereChallenged((parameters) => !parameters.get('scope') && 'the challenge has no scope'),
  }),
]
