import { randomBytes } from 'node:crypto'

/** Tokens that nobody issued. They are random, so that nobody's can be hit. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

export function malformedToken(): string {
  return `${randomToken()} ${randomToken()},"`
}

/** A JWT that says of itself all that a server could wish, and that nobody signed (RFC 7519 §6). */
export function unsignedToken(claims: { iss: string; aud: string }): string {
  const now_seconds = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const times = { iat: now_seconds, exp: now_seconds + 3600 }
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...claims, ...times, sub: 'review', jti: randomToken() })}.`
}
