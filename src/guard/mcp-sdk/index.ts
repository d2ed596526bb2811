/**
 * The guard within the MCP TypeScript SDK, v1 and v2: for servers that keep the SDK's own bearer middleware, and for
 * stdio, where there is no HTTP to stand in front of. The SDK is the caller's; nothing of it is imported.
 */
import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import { bearerHeaders, LACKS_TOKENS } from './message-request.ts'

export { protectServer, protectTransport, type SdkServer } from './protection.ts'
export type { SdkTransport, TransportOptions } from './transport.ts'

/**
 * By which the SDK's middleware knows what to answer. v1: the exports of `@modelcontextprotocol/sdk/server/auth/errors.js`.
 * v2: `OAuthError` of `@modelcontextprotocol/server`.
 */
export type SdkErrors =
  | {
      InvalidTokenError: new (message: string) => Error
      ServerError: new (message: string) => Error
    }
  | { OAuthError: new (code: string, message: string) => Error }

/** Structurally the `OAuthTokenVerifier` of the SDK, v1 and v2. */
export type TokenVerifier = { verifyAccessToken(token: string): Promise<AuthInfo> }

/**
 * Lets the SDK's `requireBearerAuth` ask the authorization server about every token. It knows of no tools: for those,
 * see `protectTransport` and `protectServer`.
 *
 * `verifyAccessToken` throws the SDK's error for a token that is not active or not for this resource, upon which its
 * middleware answers 401; and when the authorization server cannot be asked, its server error. The SDK has no 503, and
 * answers 500.
 * @throws TypeError in mode `none`, where there are no tokens
 */
export function tokenVerifier(guard: Guard, errors: SdkErrors): TokenVerifier {
  if (guard.settings.mode === 'none') throw new TypeError(`tokenVerifier: ${LACKS_TOKENS}`)
  const { invalidToken, serverError } = errorsOf(errors)
  return {
    async verifyAccessToken(token) {
      const headers = bearerHeaders(token)
      if (!headers) throw invalidToken('The access token is malformed')
      const bare = { method: 'GET', headers, query: new URLSearchParams(), readBody: async () => undefined }
      const decision = await guard.decide(bare)
      if (decision.outcome === 'allowed') return decision.auth
      const description = String(decision.body.error_description)
      throw decision.status < 500 ? invalidToken(description) : serverError(description)
    },
  }
}

function errorsOf(errors: SdkErrors) {
  // v1 has a class of the name OAuthError too, which is made in another way.
  if ('InvalidTokenError' in errors) {
    const { InvalidTokenError, ServerError } = errors
    return {
      invalidToken: (message: string) => new InvalidTokenError(message),
      serverError: (message: string) => new ServerError(message),
    }
  }
  const { OAuthError } = errors
  return {
    invalidToken: (message: string) => new OAuthError('invalid_token', message),
    serverError: (message: string) => new OAuthError('server_error', message),
  }
}
