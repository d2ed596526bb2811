import { hash } from 'node:crypto'
import { isObject, parseJson } from '../../base/json.ts'
import { ASSERTION_ALGORITHMS } from '../../clients/keys/assertion-algorithm.ts'
import type { Signed } from '../../clients/resource-servers/resource-server-keys.ts'
import { Recent } from './recent.ts'

/** What a resource server signed to say who it is (RFC 7523 §2.2), read and not yet believed. */
export type ClientAssertion = Signed & {
  /** SHA-256 of its text. */
  digest: string
  /** Its `iss` and `sub`. */
  id: string
  claims: { aud: unknown; exp: unknown; nbf: unknown; iat: unknown; jti: unknown }
  /** The hash of the key set under which its signature was seen to be right; unset before that. */
  proven_under?: Buffer
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How far ahead an assertion may expire; until then it may be used again. */
export const ASSERTION_LIFETIME_MAX_SECONDS = 300
/** By how much the clock of a resource server may differ from this one. */
const LEEWAY_SECONDS = 60
const TEXT_MAX = 4_096
const JTI_MAX = 256
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
/** RFC 7523bis names the second; both say that this is a JWT. */
const TYPES = new Set(['jwt', 'client-authentication+jwt'])

// What an assertion says depends on its text alone, and so does whether a key set signed it.
const proven = new Recent<ClientAssertion>(1_000)

/** Reads the text; undefined when it is no JWT of a kind that is accepted. One proven before costs one hash. */
export function readAssertion(text: string): ClientAssertion | undefined {
  if (text.length > TEXT_MAX) return undefined
  const digest = hash('sha256', text, 'base64')
  return proven.get(digest) ?? parse(text, digest)
}

/** Remembers that the key set with this hash signed the assertion. */
export function rememberProof(assertion: ClientAssertion, key_set_hash: Buffer): void {
  assertion.proven_under = key_set_hash
  proven.set(assertion.digest, assertion)
}

function parse(text: string, digest: string): ClientAssertion | undefined {
  const [, head = '', body = '', mac = ''] = COMPACT.exec(text) ?? []
  const [header, payload] = [readObject(head), readObject(body)]
  if (!header || !payload) return undefined
  const { alg, typ = 'JWT', kid, crit } = header
  // RFC 7515 §4.1.11: whoever does not understand a critical extension MUST reject.
  if (crit !== undefined || typeof typ !== 'string' || !TYPES.has(typ.toLowerCase())) return undefined
  if (typeof alg !== 'string' || !ASSERTION_ALGORITHMS.includes(alg)) return undefined
  if (kid !== undefined && typeof kid !== 'string') return undefined
  const { iss, sub, aud, exp, nbf, iat, jti } = payload
  // OpenID Connect Core §9: iss and sub MUST contain the client_id.
  if (typeof iss !== 'string' || iss !== sub) return undefined
  return {
    digest,
    id: iss,
    algorithm: alg,
    key_id: kid,
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(mac, 'base64url'),
    claims: { aud, exp, nbf, iat, jti },
  }
}

function readObject(part: string): Record<string, unknown> | undefined {
  const value = parseJson(Buffer.from(part, 'base64url').toString())
  return isObject(value) ? value : undefined
}

/**
 * Why an assertion does not count at `now_seconds` for whoever is named by `audiences`, in words for the one who made
 * it; undefined when nothing but its signature remains to be seen.
 */
export function assertionFault(
  { claims: { aud, exp, nbf, iat, jti } }: ClientAssertion,
  { audiences, now_seconds }: { audiences: readonly string[]; now_seconds: number },
): string | undefined {
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  // More than one audience is refused: another of them could use it here.
  if (typeof audience !== 'string' || !audiences.includes(audience))
    return `The aud of the client assertion must be ${audiences[0]} and nothing else`
  if (typeof exp !== 'number' || exp <= now_seconds) return 'The client assertion has expired, or has no exp'
  if (exp > now_seconds + ASSERTION_LIFETIME_MAX_SECONDS + LEEWAY_SECONDS)
    return `The exp of the client assertion may be ${ASSERTION_LIFETIME_MAX_SECONDS} seconds ahead at most`
  if (!isPast(nbf, now_seconds) || !isPast(iat, now_seconds))
    return 'The nbf and iat of the client assertion must not be in the future'
  if (typeof jti !== 'string' || jti === '' || jti.length > JTI_MAX) return 'The client assertion needs a jti'
  return undefined
}

function isPast(time: unknown, now_seconds: number): boolean {
  return time === undefined || (typeof time === 'number' && time <= now_seconds + LEEWAY_SECONDS)
}
