import type { Step } from '../journey.ts'
import { evidenceOf, warns } from '../problem.ts'
import { visitOf } from '../walk.ts'

/** The request once more, with a token. Without a person there is none, so that a token is shown which nobody issued. */
export const retry: Step = ({ walk }) => {
  const shown = visitOf(walk, 'stranger', walk.url)?.hops[0]
  if (shown?.outcome !== 'answered') return []
  const { status } = shown
  // 405 and the like: it does not take GET, which says nothing about tokens.
  if (status === 401 || (status >= 400 && status < 500 && status !== 403)) return []
  if (status >= 300 && status < 400) return []
  return [
    warns({
      mistake: 'bad_token_not_401',
      says:
        status < 300
          ? 'A token that nobody issued is let in.'
          : `A token that nobody issued is answered with status ${status} instead of 401, so that clients do not fetch a new one when theirs expires.`,
      mend: 'Answer 401 with error="invalid_token" to every token that is unknown, expired or revoked, and 503 only while that cannot be asked.',
      evidence: evidenceOf(shown),
    }),
  ]
}
