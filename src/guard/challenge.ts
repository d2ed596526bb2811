import type { GuardSettings } from './guard-options.ts'
import { protectedResourceMetadataUrl } from './protected-resource-metadata.ts'
import { isRequestId, JSON_RPC_CODE, jsonRpcError, Refusal } from './refusal.ts'

/** The refusals that carry a `WWW-Authenticate` header, as RFC 6750 §3 and the MCP specification word them. */
export type Challenges = {
  /** No bearer token was sent. */
  unauthenticated(): Refusal
  /** The request carries its token in a way that is not supported. */
  invalidRequest(description: string): Refusal
  /** The token is malformed, unknown, expired, revoked or for another resource. */
  invalidToken(): Refusal
  /**
   * The token is good, but does not open what was called. `scopes` = all that the operation needs. A request with an `id`
   * is answered with a JSON-RPC error: MCP 2026-07-28 knows no other body.
   */
  insufficientScope(scopes: string[], id?: unknown): Refusal
}

/** Builds the challenges of one resource server. */
export function createChallenges({
  mode,
  resource,
  default_scopes,
}: Pick<GuardSettings, 'mode' | 'resource' | 'default_scopes'>): Challenges {
  // Only where OAuth is offered: a client that reads of it would begin a flow that ends nowhere.
  const is_oauth = mode === 'oauth'
  const resource_metadata = is_oauth ? protectedResourceMetadataUrl(resource) : ''
  const scope = is_oauth ? default_scopes.join(' ') : ''
  return {
    unauthenticated() {
      // RFC 6750 §3.1: without authentication information, SHOULD NOT include an error code.
      const challenge = bearerChallenge({ resource_metadata, scope })
      return refuse(401, challenge, 'unauthorized', 'A bearer token is required')
    },
    invalidRequest(description) {
      const parameters = { error: 'invalid_request', error_description: description, resource_metadata }
      return refuse(400, bearerChallenge(parameters), 'invalid_request', description)
    },
    invalidToken() {
      const error = 'invalid_token'
      const error_description = 'The access token is malformed, expired, revoked or for another resource'
      const challenge = bearerChallenge({ error, error_description, scope, resource_metadata })
      return refuse(401, challenge, error, error_description)
    },
    insufficientScope(scopes, id) {
      const error = 'insufficient_scope'
      const error_description =
        scopes.length > 0 ? 'The access token lacks a scope that this call needs' : 'No scope opens this call'
      const parameters = { error, error_description, scope: scopes.join(' '), resource_metadata }
      const refused = refuse(403, bearerChallenge(parameters), error, error_description)
      if (isRequestId(id))
        refused.answer.body = jsonRpcError(JSON_RPC_CODE[error], error_description, id, { error })
      return refused
    },
  }
}

/**
 * Writes a Bearer challenge with every parameter as a quoted-string (RFC 9110 §11.6.1); empty ones are left out.
 * Control characters are dropped and characters beyond ASCII become `?`, so that any string makes a valid header.
 */
export function bearerChallenge(parameters: Record<string, string>): string {
  const written = Object.entries(parameters)
    .map(([name, value]) => [name, printable(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`)
  return `Bearer ${written.join(', ')}`.trimEnd()
}

function printable(value: string): string {
  return value.replace(/\p{Cc}/gu, '').replace(/[^\x20-\x7e]/gu, '?')
}

function refuse(status: number, challenge: string, error: string, error_description: string): Refusal {
  return new Refusal(status, { 'www-authenticate': challenge }, { error, error_description })
}
