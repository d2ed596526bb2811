import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { ASSERTION_ALGORITHMS } from './key-set.ts'

/** What somebody signed to say who he is: private_key_jwt (RFC 7523 §2.2, OpenID Connect Core §9). */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How far ahead an assertion may expire; until then it may be used again. */
const LIFETIME_MAX_SECONDS = 300
/** By how much the clock of whoever signs may differ from this one. */
const LEEWAY_SECONDS = 60
const JTI_MAX = 256
/** RFC 7523bis names the second; both say that this is a JWT, as does none. */
const TYPES: unknown[] = ['jwt', 'client-authentication+jwt', undefined]

/** The `client_id` of whoever it says it is of, yet to be believed; undefined when it is none. */
export function claimedClientId(assertion: string): string | undefined {
  try {
    const { iss, sub } = decodeJwt(assertion)
    // OpenID Connect Core §9: iss and sub MUST contain the client_id.
    return typeof sub === 'string' && iss === sub ? sub : undefined
  } catch {
    return undefined
  }
}

/** The `kid` in its header; undefined when there is none. */
export function assertionKeyId(assertion: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(assertion)
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}

/** Finds at most one key: the one that is named, or the only one that fits. A set of one key without a name is asked for any. */
export function keysOf(jwks: JSONWebKeySet): JWTVerifyGetKey {
  const find = createLocalJWKSet(jwks)
  const is_named = jwks.keys.some(({ kid }) => kid !== undefined)
  return is_named ? find : ({ alg }) => find({ alg })
}

export type AssertionRules = { keys: JWTVerifyGetKey; client_id: string; audiences: string[] }

/**
 * Until when an assertion counts, in seconds since the epoch; why it cannot count although its signature is right, in
 * words for the one who made it; undefined when it was not signed by one of the keys. Never throws.
 */
export async function verifyAssertion(
  assertion: string,
  { keys, client_id, audiences }: AssertionRules,
): Promise<{ exp_seconds: number } | { fault: string } | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, keys, {
      algorithms: ASSERTION_ALGORITHMS,
      issuer: client_id,
      subject: client_id,
      audience: audiences,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: LEEWAY_SECONDS,
    })
    const fault = TYPES.includes(protectedHeader.typ?.toLowerCase())
      ? claimFault(payload)
      : 'its typ must be JWT or client-authentication+jwt'
    return fault === undefined ? { exp_seconds: Number(payload.exp) } : said(fault)
  } catch (error) {
    if (error instanceof errors.JWTExpired) return said('it has expired')
    if (!(error instanceof errors.JWTClaimValidationFailed)) return undefined
    return said(error.claim === 'aud' ? `its aud must be ${audiences[0]} and nothing else` : error.message)
  }
}

function said(fault: string) {
  return { fault: `The client assertion is refused: ${fault}` }
}

/** What is wrong with claims beyond what a JWT must be. */
function claimFault({ aud, exp = 0, iat = 0, jti }: JWTPayload): string | undefined {
  const now_seconds = Date.now() / 1000
  // Another of them could use it here.
  if (Array.isArray(aud) && aud.length !== 1) return 'it has more than one aud'
  if (exp <= now_seconds) return 'it has expired'
  if (exp > now_seconds + LIFETIME_MAX_SECONDS + LEEWAY_SECONDS)
    return `its exp may be ${LIFETIME_MAX_SECONDS} seconds ahead at most`
  if (iat > now_seconds + LEEWAY_SECONDS) return 'its iat is in the future'
  if (typeof jti !== 'string' || jti === '' || jti.length > JTI_MAX)
    return `its jti must have 1 to ${JTI_MAX} characters`
  return undefined
}
