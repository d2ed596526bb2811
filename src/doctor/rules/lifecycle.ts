import { statusOf, statusText } from '../crawl/response.ts'
import { notJudged, type Rule, rule, whereActive } from './rule.ts'
import { ASVS_LOGGING, authorization, rfc } from './section.ts'

/** Do tokens end when they should, and is what they did known? */
const SLOW_MS = 5_000

const auditRule = whereActive('audit', ({ response, calls }) => {
  if (statusOf(response) !== 200) return notJudged(`the operator API answered ${statusText(response)}`)
  const missing = calls.filter((call) => call.missing !== undefined)
  return (
    missing.map((call) => `${call.tool} (${call.decision}): ${call.missing} is missing`).join('; ') ||
    undefined
  )
})

export const LIFECYCLE_RULES: Rule[] = [
  rule('rotation.missing', 'high', authorization('token-theft'), {
    title: 'A refresh token does not rotate',
    remediation:
      'Give a new refresh token with every refresh, and spend the old one; MCP clients are public clients.',
    judge: whereActive('rotation', ({ response, is_new }) => {
      if (statusOf(response) !== 200) return `the refresh was answered ${statusText(response)}`
      return !is_new && 'the refresh gave no new refresh token'
    }),
  }),
  rule('rotation.reuse', 'high', rfc(9700, '4.14.2'), {
    title: 'A refresh token works twice',
    remediation: 'Refuse a spent refresh token; within a short grace at most repeat the identical answer.',
    judge: whereActive(
      'reuse',
      ({ replayed, is_repetition }) =>
        statusOf(replayed) === 200 &&
        (is_repetition
          ? 'a spent refresh token worked after the grace'
          : 'a spent refresh token got new tokens'),
    ),
  }),
  rule('rotation.family', 'high', rfc(9700, '4.14.2'), {
    title: 'A stolen refresh token lives on after its reuse was seen',
    remediation:
      'When a spent refresh token comes again, revoke all its successors: one of the two users is a thief.',
    judge: whereActive('reuse', ({ replayed, successor }) => {
      if (statusOf(replayed) === 200) return notJudged('the reuse was not refused')
      return statusOf(successor) === 200 && 'the successor of a token that was used twice still works'
    }),
  }),
  rule('revocation.ignored', 'high', rfc(7009, '2.1'), {
    title: 'A revoked token is still accepted',
    remediation:
      'Ask the authorization server about each call, or listen to its revocation feed; else keep tokens to a few minutes.',
    judge: whereActive('revocations', (revocations) => {
      const ignored = revocations.find(({ effective_after_ms }) => effective_after_ms === undefined)
      return (
        ignored &&
        `the revocation was answered ${statusText(ignored.response)}, and the token was let in until the review gave up`
      )
    }),
  }),
  rule('revocation.slow', 'medium', rfc(7009, '2.1'), {
    title: 'A revocation takes effect late',
    remediation: 'Shorten the time for which answers about tokens are kept.',
    judge: whereActive('revocations', (revocations) => {
      const slowest_ms = Math.max(...revocations.map(({ effective_after_ms = 0 }) => effective_after_ms))
      return slowest_ms > SLOW_MS && `${slowest_ms} ms passed until the first 401`
    }),
  }),
  rule('audit.calls', 'high', ASVS_LOGGING, {
    title: 'The audit log does not say who called what',
    remediation:
      'Let every decision about a tool be recorded with account, client, tool and decision before the call runs.',
    judge: (crawl) =>
      crawl.options.operator_token === undefined
        ? notJudged("there is no operator's token (of Toolgate)", '--operator-token with --active')
        : auditRule(crawl),
  }),
]
