import { isLetIn } from '../crawl/response.ts'
import { claimsAuthorization, isOpen } from '../crawl/review-crawl.ts'
import { type Rule, rule, whereGuarded } from './rule.ts'
import { authorization, transports } from './section.ts'

/** Does the protection of the server fit where it can be reached from? */
export const EXPOSURE_RULES: Rule[] = [
  rule('exposure.open', 'critical', transports('security-warning'), {
    title: 'Anyone who reaches this address can list and use the tools',
    remediation: 'Require a token for every request, or listen on a loopback address or over stdio only.',
    judge: (crawl) =>
      isOpen(crawl) &&
      !crawl.is_loopback &&
      !claimsAuthorization(crawl) &&
      'tools/list without a token was answered with tools, at an address that is not loopback',
  }),
  rule('exposure.list-open', 'high', authorization('access-token-usage'), {
    title: 'The server says that it needs a token, and lists its tools without one',
    remediation:
      'Put the check of the token in front of every MCP method, initialize and tools/list included.',
    judge: (crawl) =>
      isOpen(crawl) && claimsAuthorization(crawl) && 'tools/list without a token was answered with tools',
  }),
  rule('exposure.rebinding', 'high', transports('security-warning'), {
    title: 'A page in a browser on this machine can use the tools (DNS rebinding)',
    remediation: 'Refuse with 403 every request whose Host or Origin header is not one that you expect.',
    judge({ foreign_origin, foreign_host }) {
      const sent = { Origin: foreign_origin, Host: foreign_host }
      const let_in = Object.entries(sent).filter(([, response]) => response && isLetIn(response))
      const names = let_in.map(([name]) => name).join(' and ')
      return names !== '' && `a request with a foreign ${names} header was answered`
    },
  }),
  rule('exposure.plain-http', 'high', authorization('communication-security'), {
    title: 'Tokens travel unencrypted',
    remediation: 'Serve the MCP endpoint by https only.',
    judge: whereGuarded(
      ({ url, is_loopback }) =>
        new URL(url).protocol === 'http:' &&
        !is_loopback &&
        'the server asks for a token by http, at an address that is not loopback',
    ),
  }),
]
