import type { Challenges } from './challenge.ts'
import type { GuardSettings } from './guard-options.ts'

/** MCP authorization: access tokens MUST NOT be included in the URI query string. */
export function refuseTokenInQuery(query: URLSearchParams, challenges: Challenges): void {
  if (query.has('access_token')) {
    throw challenges.invalidRequest('The access token belongs in the Authorization header')
  }
}

/** What follows the scheme, yet unchecked. Another scheme counts as no token (RFC 6750 §3.1). */
export function requireBearer(headers: Headers, challenges: Challenges): string {
  const credentials = /^bearer(?: +(.*))?$/i.exec(headers.get('authorization') ?? '')
  if (!credentials) throw challenges.unauthenticated()
  return credentials[1] ?? ''
}

const PERSONAL_TOKEN_PREFIX = 'tgp_'

export function isPersonalToken(bearer: string): boolean {
  return bearer.startsWith(PERSONAL_TOKEN_PREFIX)
}

/** RFC 6750 §2.1: b64token. What cannot be a token of this mode costs the authorization server nothing. */
export function requireTokenSyntax(
  credentials: string,
  { mode }: Pick<GuardSettings, 'mode'>,
  challenges: Challenges,
): string {
  if (credentials.length > 512 || !/^[A-Za-z0-9\-._~+/]+=*$/.test(credentials))
    throw challenges.invalidToken()
  if (mode === 'token' && !isPersonalToken(credentials)) throw challenges.invalidToken()
  return credentials
}
