import type { Exchange } from '../crawl/exchange.ts'
import { responseTo, UNKNOWN_ORIGIN } from '../crawl/http-cache.ts'
import { headerOf } from '../crawl/response.ts'
import { type Collected, type Rule, rule } from './rule.ts'
import { authorization, CORS_CREDENTIALS } from './section.ts'

/** Do responses say more than they should, or to whom they should not? */
function where({ responses, exchanges }: Collected, isWrong: (text: string) => boolean): string | undefined {
  const textOf = (response: Exchange) =>
    response.outcome === 'answered' ? [response.text, ...response.headers.values()].join('\n') : ''
  const found = [...responses.values(), ...exchanges].find((response) => isWrong(textOf(response)))
  return found && `${found.method} ${found.url.split('?')[0]}`
}

const STACK = /\n[ \t]+at .+:\d+:\d+|Traceback \(most recent call last\)|\\n\s+at .+?:\d+:\d+/

export const RESPONSE_RULES: Rule[] = [
  rule('answers.echo', 'high', authorization('token-theft'), {
    title: 'Answers repeat the token that was sent',
    remediation: 'Keep tokens out of bodies, headers, errors and logs.',
    judge(crawl) {
      const at = where(crawl, (text) => [...crawl.secrets].some((secret) => text.includes(secret)))
      return at && `${at} repeated a token`
    },
  }),
  rule('answers.stack-trace', 'low', authorization('error-handling'), {
    title: 'Answers show how the server is built',
    remediation: 'Answer errors with a code and a sentence, and keep the stack for the log.',
    judge(crawl) {
      const at = where(crawl, (text) => STACK.test(text))
      return at && `${at} has a stack trace`
    },
  }),
  rule('answers.cors-credentials', 'medium', CORS_CREDENTIALS, {
    title: 'Every website may call the server with the cookies of its visitors',
    remediation: 'Never send Access-Control-Allow-Credentials: true to an origin that you do not know.',
    judge(crawl) {
      const preflight = responseTo(crawl, 'preflight of an unknown origin', crawl.url)
      const origin = headerOf(preflight, 'access-control-allow-origin')
      const with_cookies = headerOf(preflight, 'access-control-allow-credentials') === 'true'
      return with_cookies && origin === UNKNOWN_ORIGIN && 'an unknown origin is allowed, with credentials'
    },
  }),
]
