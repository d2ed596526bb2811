import type { Context } from 'koa'
import { sha256 } from '../../base/digest.ts'
import { renameRequest } from '../../http/request-context.ts'

/**
 * One attempt of a client to connect goes over several requests: authorize, sign-in, consent, token. What all of
 * them share is the PKCE challenge, so the attempt's id is derived from it and nothing has to be stored.
 */
const S256 = /^[A-Za-z0-9_-]{43}$/
/** RFC 7636 §4.1 */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

function digest(text: string): string {
  return sha256(text).toString('base64url')
}

/** Names the request after the attempt that its code challenge belongs to; leaves it alone without one. */
export function followChallenge(ctx: Context, code_challenge: unknown): void {
  if (typeof code_challenge === 'string' && S256.test(code_challenge))
    renameRequest(ctx, `at_${digest(`toolgate attempt ${code_challenge}`).slice(0, 22)}`)
}

/** The same from the other end. RFC 7636 §4.6: the challenge is the SHA-256 of the verifier. */
export function followVerifier(ctx: Context, code_verifier: string | undefined): void {
  if (code_verifier !== undefined && VERIFIER.test(code_verifier)) followChallenge(ctx, digest(code_verifier))
}
