import type { Exchange } from '../crawl/exchange.ts'
import { challengeParameters, headerOf, statusOf, statusText } from '../crawl/response.ts'
import { notJudged, type Rule, rule, whereActive } from './rule.ts'
import { authorization, rfc } from './section.ts'

/** Does the way to a token hold what the standards promise? */
const refused = (what: string) => (response: Exchange) =>
  !isRefused(response) && `${what}: ${statusText(response)}, and on it goes`

/** A redirect with an error, or an error page. */
function isRefused(response: Exchange): boolean {
  const status = statusOf(response) ?? 0
  if (status >= 400 && status < 500) return true
  const location = URL.parse(headerOf(response, 'location') ?? '', response.url)
  return status >= 300 && location?.searchParams.has('error') === true
}

const notIssued = (seen: string) => (response: Exchange) => statusOf(response) === 200 && seen

export const FLOW_RULES: Rule[] = [
  rule('flow.pkce', 'high', authorization('authorization-code-protection'), {
    title: 'An authorization request without PKCE is not refused',
    remediation: 'Refuse every authorization request without code_challenge.',
    judge: whereActive('without_challenge', refused('a request without code_challenge')),
  }),
  rule('flow.code-verifier', 'critical', rfc(7636, '4.6'), {
    title: 'A code can be redeemed without its verifier',
    remediation: 'Compare the code_verifier with the code_challenge before any token is issued.',
    judge: whereActive('wrong_verifier', notIssued('the code was redeemed with a wrong code_verifier')),
  }),
  rule('flow.redirect-uri', 'high', authorization('open-redirection'), {
    title: 'A redirect_uri that was not registered is accepted',
    remediation:
      'Compare redirect_uri exactly with what is registered; only the port of loopback addresses may differ.',
    judge: whereActive('wrong_redirect', (response) => {
      const location = headerOf(response, 'location') ?? ''
      if (location.includes('/callback/elsewhere')) return 'it redirected to the address'
      return refused('a redirect_uri with another path')(response)
    }),
  }),
  rule('flow.resource', 'medium', rfc(8707, '2'), {
    title: 'The resource parameter is passed over',
    remediation:
      'Refuse unknown resources with invalid_target, and issue tokens for the resource that was asked for only.',
    judge: whereActive('unknown_resource', refused('a request for a resource that does not exist')),
  }),
  rule('flow.iss', 'medium', rfc(9207, '2'), {
    title: 'The authorization response has no iss, though the metadata says so',
    remediation: 'Send iss, exactly the issuer, with every authorization response, errors included.',
    judge: whereActive('callback', (callback, { servers }) => {
      const server = servers.find(({ document }) => document !== undefined)
      const is_promised = server?.document?.authorization_response_iss_parameter_supported === true
      if (!is_promised) return notJudged('the metadata does not promise iss')
      return callback.get('iss') !== server.issuer && `iss is ${callback.get('iss') ?? 'missing'}`
    }),
  }),
  rule('flow.no-store', 'medium', rfc(6749, '5.1'), {
    title: 'Answers with tokens may be kept by caches',
    remediation: 'Send Cache-Control: no-store with every answer of the token endpoint.',
    judge: whereActive(
      'token_response',
      (response) =>
        !(headerOf(response, 'cache-control') ?? '').toLowerCase().includes('no-store') &&
        'the answer of the token endpoint has no Cache-Control: no-store',
    ),
  }),
  rule('flow.token', 'high', authorization('token-handling'), {
    title: 'The token that the flow gives is refused',
    remediation:
      'Let the server accept the tokens of the authorization server that it names; compare issuer and audience.',
    judge: whereActive(
      'listed',
      ({ tools, last }) =>
        tools === undefined && `tools/list with the new token: ${statusText(last.response)}`,
    ),
  }),
  rule('flow.code-replay', 'high', rfc(6749, '4.1.2'), {
    title: 'A code can be redeemed twice',
    remediation:
      'Spend a code with its first redemption, in one step, and revoke what was issued when it comes again.',
    judge: whereActive('code_replay', notIssued('the code got tokens for a second time')),
  }),
  rule('flow.step-up', 'critical', authorization('scope-challenge-handling'), {
    title: 'A tool runs that the token does not allow',
    remediation: 'Decide about every tools/call by the scopes of the token, not by what the list showed.',
    judge: whereActive('closed_call', ({ rpc, tool }) => {
      if (rpc.kind !== 'result') return undefined
      if (rpc.result.isError === true)
        return notJudged(`${tool} answered with an error that does not say who refused`)
      return `${tool} ran, which tools/list did not show`
    }),
  }),
  rule('flow.step-up-challenge', 'medium', authorization('scope-challenge-handling'), {
    title: 'A client does not learn which scopes a tool needs',
    remediation:
      'Answer 403 with error="insufficient_scope" and scope="…", naming all scopes that the call needs.',
    judge: whereActive('closed_call', ({ response, rpc, needed = [], tool }) => {
      if (rpc.kind === 'result') return notJudged('the call was not refused')
      const parameters = challengeParameters(response)
      if (statusOf(response) !== 403 || !parameters)
        return `${tool}: ${statusText(response)} without a challenge that can be read`
      const named = parameters.get('scope')?.split(' ') ?? []
      const lacking = needed.filter((scope) => !named.includes(scope))
      if (parameters.get('error') !== 'insufficient_scope' || named.length === 0)
        return `${tool}: the challenge has no error="insufficient_scope" with a scope`
      return lacking.length > 0 && `${tool}: the challenge does not name ${lacking.join(', ')}`
    }),
  }),
]
