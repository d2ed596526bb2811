import { createHash } from 'node:crypto'

/**
 * One attempt of a client to connect goes over several requests: authorize, sign-in, consent, token. What all of
 * them share is the PKCE challenge, so the attempt's id is derived from it and nothing has to be stored.
 */
export function attemptOfChallenge(code_challenge: string): string {
  return `at_${createHash('sha256').update(`toolgate attempt ${code_challenge}`).digest('base64url').slice(0, 22)}`
}

/** RFC 7636 §4.6: the challenge is the SHA-256 of the verifier. */
export function attemptOfVerifier(code_verifier: string): string {
  return attemptOfChallenge(createHash('sha256').update(code_verifier).digest('base64url'))
}
