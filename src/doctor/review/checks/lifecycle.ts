import { type Check, found, foundIf, notMade, PASSED } from '../finding.ts'
import { SECTION } from '../section.ts'
import { statusOf, statusText } from '../seen.ts'
import { whereActive } from './flow.ts'

/** Do tokens end when they should, and is what they did known? Only --active finds out. */
const SLOW_MS = 5_000

export const LIFECYCLE_CHECKS: Check[] = [
  {
    id: 'rotation.missing',
    title: 'A refresh token does not rotate',
    severity: 'high',
    section: SECTION.token_theft,
    mend: 'Give a new refresh token with every refresh, and spend the old one; MCP clients are public clients.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ rotation }) => rotation,
        ({ answer, is_new }) => {
          if (statusOf(answer) !== 200) return found(`the refresh was answered ${statusText(answer)}`)
          return foundIf(!is_new, 'the refresh gave no new refresh token')
        },
      ),
  },
  {
    id: 'rotation.reuse',
    title: 'A refresh token works twice',
    severity: 'high',
    section: SECTION.refresh,
    mend: 'Refuse a spent refresh token; within a short grace at most repeat the identical answer.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ reuse }) => reuse,
        ({ replayed, is_repetition }) =>
          foundIf(
            statusOf(replayed) === 200,
            is_repetition
              ? 'a spent refresh token worked after the grace'
              : 'a spent refresh token got new tokens',
          ),
      ),
  },
  {
    id: 'rotation.family',
    title: 'A stolen refresh token lives on after its reuse was seen',
    severity: 'high',
    section: SECTION.refresh,
    mend: 'When a spent refresh token comes again, revoke all its successors: one of the two users is a thief.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ reuse }) => reuse,
        ({ replayed, successor }) => {
          if (statusOf(replayed) === 200) return notMade('the reuse was not refused')
          return foundIf(
            statusOf(successor) === 200,
            'the successor of a token that was used twice still works',
          )
        },
      ),
  },
  {
    id: 'revocation.ignored',
    title: 'A revoked token still opens the server',
    severity: 'high',
    section: SECTION.revocation,
    mend: 'Ask the authorization server about each call, or hear of revocations; else keep tokens to a few minutes.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ revocations }) => revocations[0] && revocations,
        (revocations) =>
          foundIf(
            revocations.some(({ bit_after_ms }) => bit_after_ms === undefined),
            `the revocation was answered ${revocations[0] ? statusText(revocations[0].answer) : ''}, and the token was let in until the review gave up`,
          ),
      ),
  },
  {
    id: 'revocation.slow',
    title: 'A revocation bites late',
    severity: 'medium',
    section: SECTION.revocation,
    mend: 'Shorten the time for which answers about tokens are kept.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ revocations }) => revocations[0] && revocations,
        (revocations) => {
          const slowest = Math.max(...revocations.map(({ bit_after_ms = 0 }) => bit_after_ms))
          return foundIf(slowest > SLOW_MS, `${slowest} ms passed until the first 401`)
        },
      ),
  },
  {
    id: 'audit.calls',
    title: 'The audit log does not say who called what',
    severity: 'high',
    section: SECTION.evidence,
    mend: 'Let every decision about a tool be recorded with account, client, tool and decision before the call runs.',
    judge(seen) {
      if (seen.options.operator_token === undefined)
        return notMade("there is no operator's token (of Toolgate)", '--operator-token with --active')
      return whereActive(
        seen,
        ({ audit }) => audit,
        ({ answer, calls }) => {
          if (statusOf(answer) !== 200) return notMade(`the operator API answered ${statusText(answer)}`)
          const missing = calls.filter((call) => call.missing !== undefined)
          if (missing.length === 0) return PASSED
          return found(
            missing
              .map(({ tool, decision, missing }) => `${tool} (${decision}): ${missing} is missing`)
              .join('; '),
          )
        },
      )
    },
  },
]
