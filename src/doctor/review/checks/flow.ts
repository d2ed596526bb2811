import type { Exchange } from '../../probe/exchange.ts'
import type { ActiveSeen } from '../active/active-seen.ts'
import { type Check, found, foundIf, notMade, PASSED, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import { bearerChallengeOf, headerOf, type Seen, statusOf, statusText } from '../seen.ts'

/** Does the way to a token hold what the standards promise? Only --active goes it. */
export function whereActive<T>(
  seen: Seen,
  pick: (active: ActiveSeen) => T | undefined,
  judge: (picked: T, active: ActiveSeen) => Verdict,
): Verdict {
  const { active } = seen
  if (!active) return notMade('it is no read', '--active')
  const picked = pick(active)
  return picked === undefined
    ? notMade(active.ended ?? 'the flow did not come to that')
    : judge(picked, active)
}

/** A redirect with an error, or an error page. */
function isRefused(answer: Exchange): boolean {
  if (answer.outcome === 'failed') return false
  const { status } = answer
  if (status >= 400 && status < 500) return true
  const location = URL.parse(answer.headers.get('location') ?? '', answer.url)
  return status >= 300 && location?.searchParams.has('error') === true
}

function refusedAt(answer: Exchange, what: string): Verdict {
  return foundIf(!isRefused(answer), `${what}: ${statusText(answer)}, and on it goes`)
}

const isIssued = (answer: Exchange) => statusOf(answer) === 200

export const FLOW_CHECKS: Check[] = [
  {
    id: 'flow.pkce',
    title: 'An authorization request without PKCE is not refused',
    severity: 'high',
    section: SECTION.code_protection,
    mend: 'Refuse every authorization request without code_challenge.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ without_challenge }) => without_challenge,
        (answer) => refusedAt(answer, 'a request without code_challenge'),
      ),
  },
  {
    id: 'flow.code-verifier',
    title: 'A code can be redeemed without its verifier',
    severity: 'critical',
    section: SECTION.code_verifier,
    mend: 'Compare the code_verifier with the code_challenge before any token is issued.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ wrong_verifier }) => wrong_verifier,
        (answer) => foundIf(isIssued(answer), 'the code was redeemed with a wrong code_verifier'),
      ),
  },
  {
    id: 'flow.redirect-uri',
    title: 'A redirect_uri that was not registered is accepted',
    severity: 'high',
    section: SECTION.open_redirection,
    mend: 'Compare redirect_uri exactly with what is registered; only the port of loopback addresses may differ.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ wrong_redirect }) => wrong_redirect,
        (answer) => {
          const location = headerOf(answer, 'location') ?? ''
          if (location.includes('/callback/elsewhere')) return found('it redirected to the address')
          return refusedAt(answer, 'a redirect_uri with another path')
        },
      ),
  },
  {
    id: 'flow.resource',
    title: 'The resource parameter is passed over',
    severity: 'medium',
    section: SECTION.resource_parameter,
    mend: 'Refuse unknown resources with invalid_target, and issue tokens for the resource that was asked for only.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ unknown_resource }) => unknown_resource,
        (answer) => refusedAt(answer, 'a request for a resource that does not exist'),
      ),
  },
  {
    id: 'flow.iss',
    title: 'The authorization response has no iss, though the metadata says so',
    severity: 'medium',
    section: SECTION.iss,
    mend: 'Send iss, exactly the issuer, with every authorization response, errors included.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ callback }) => callback,
        (callback) => {
          const server = seen.servers.find(({ document }) => document !== undefined)
          const is_promised = server?.document?.authorization_response_iss_parameter_supported === true
          if (!is_promised) return notMade('the metadata does not promise iss')
          return foundIf(callback.get('iss') !== server.issuer, `iss is ${callback.get('iss') ?? 'missing'}`)
        },
      ),
  },
  {
    id: 'flow.no-store',
    title: 'Answers with tokens may be kept by caches',
    severity: 'medium',
    section: SECTION.token_response,
    mend: 'Send Cache-Control: no-store with every answer of the token endpoint.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ redeemed, rotation }) => redeemed ?? rotation?.answer,
        (answer) =>
          foundIf(
            !(headerOf(answer, 'cache-control') ?? '').toLowerCase().includes('no-store'),
            'the answer of the token endpoint has no Cache-Control: no-store',
          ),
      ),
  },
  {
    id: 'flow.token',
    title: 'The token that the flow gives does not open the server',
    severity: 'high',
    section: SECTION.token_handling,
    mend: 'Let the server accept the tokens of the authorization server that it names; compare issuer and audience.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ listed }) => listed,
        ({ tools, last }) =>
          foundIf(tools === undefined, `tools/list with the new token: ${statusText(last.answer)}`),
      ),
  },
  {
    id: 'flow.code-replay',
    title: 'A code can be redeemed twice',
    severity: 'high',
    section: SECTION.code_once,
    mend: 'Spend a code with its first redemption, in one step, and revoke what was issued when it comes again.',
    judge: (seen) =>
      whereActive(
        seen,
        ({ code_replay }) => code_replay,
        (answer) => foundIf(isIssued(answer), 'the code got tokens for a second time'),
      ),
  },
  {
    id: 'flow.step-up',
    title: 'A tool runs that the token does not open',
    severity: 'critical',
    section: SECTION.scope_challenge,
    mend: 'Decide about every tools/call by the scopes of the token, not by what the list showed.',
    judge: (seen) =>
      whereActive(seen, withClosedCall, ({ said, tool }) => {
        if (said.kind !== 'result') return PASSED
        if (said.result.isError === true)
          return notMade(`${tool} answered with an error that does not say who refused`)
        return found(`${tool} ran, which tools/list did not show`)
      }),
  },
  {
    id: 'flow.step-up-challenge',
    title: 'A client does not learn which scopes a tool needs',
    severity: 'medium',
    section: SECTION.scope_challenge,
    mend: 'Answer 403 with error="insufficient_scope" and scope="…", naming all scopes that the call needs.',
    judge: (seen) =>
      whereActive(seen, withClosedCall, ({ answer, said, needed, tool }) => {
        if (said.kind === 'result') return notMade('the call was not refused')
        const challenge = bearerChallengeOf(answer)
        if (statusOf(answer) !== 403 || !challenge || challenge === 'malformed')
          return found(`${tool}: ${statusText(answer)} without a challenge that can be read`)
        const named = challenge.parameters.get('scope')?.split(' ') ?? []
        const lacking = (needed ?? []).filter((scope) => !named.includes(scope))
        if (challenge.parameters.get('error') !== 'insufficient_scope' || named.length === 0)
          return found(`${tool}: the challenge has no error="insufficient_scope" with a scope`)
        return foundIf(lacking.length > 0, `${tool}: the challenge does not name ${lacking.join(', ')}`)
      }),
  },
]

const withClosedCall = ({ closed_call }: ActiveSeen) => closed_call
