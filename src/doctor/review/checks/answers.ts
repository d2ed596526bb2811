import type { Exchange } from '../../probe/exchange.ts'
import { type Check, foundIf } from '../finding.ts'
import { SECTION } from '../section.ts'
import { headerOf } from '../seen.ts'

/** Do answers say more than they should, or to whom they should not? */
const FOREIGN_ORIGIN = 'https://review.invalid'

function holds(answer: Exchange, secret: string): boolean {
  if (answer.outcome === 'failed') return false
  return answer.text.includes(secret) || [...answer.headers.values()].some((value) => value.includes(secret))
}

const STACK = /\n\s+at .+:\d+:\d+|Traceback \(most recent call last\)|\\n\s+at .+?:\d+:\d+/

export const ANSWER_CHECKS: Check[] = [
  {
    id: 'answers.echo',
    title: 'Answers repeat the token that was sent',
    severity: 'high',
    section: SECTION.token_theft,
    mend: 'Keep tokens out of bodies, headers, errors and logs.',
    judge({ answers, secrets }) {
      const echoing = answers.find((answer) => [...secrets].some((secret) => holds(answer, secret)))
      return foundIf(
        echoing !== undefined,
        `${echoing?.method} ${echoing?.url.split('?')[0]} repeated a token`,
      )
    },
  },
  {
    id: 'answers.stack-trace',
    title: 'Answers show how the server is built',
    severity: 'low',
    section: SECTION.error_handling,
    mend: 'Answer errors with a code and a sentence, and keep the stack for the log.',
    judge({ answers }) {
      const telling = answers.find((answer) => answer.outcome === 'answered' && STACK.test(answer.text))
      return foundIf(
        telling !== undefined,
        `${telling?.method} ${telling?.url.split('?')[0]} has a stack trace`,
      )
    },
  },
  {
    id: 'answers.cors-credentials',
    title: 'Every website may call the server with the cookies of its visitors',
    severity: 'medium',
    section: SECTION.cors,
    mend: 'Never send Access-Control-Allow-Credentials: true to an origin that you do not know.',
    judge({ preflight }) {
      const origin = headerOf(preflight, 'access-control-allow-origin')
      const with_cookies = headerOf(preflight, 'access-control-allow-credentials') === 'true'
      return foundIf(
        with_cookies && origin === FOREIGN_ORIGIN,
        'a foreign origin is allowed, with credentials',
      )
    },
  },
]
