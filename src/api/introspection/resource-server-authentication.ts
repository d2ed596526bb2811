import { timingSafeEqual } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { ASSERTION_TYPE, type ClientAssertion, readAssertion } from './client-assertion.ts'
import { Recent } from './recent.ts'

/** What the caller of /introspect presents to prove which resource server it is. */
export type PresentedCredentials = {
  id: string
  /** SHA-256 of the secret; with an assertion, the hash of the key set that signed it, all zeros before that is known. */
  credential_hash: Buffer
  assertion?: ClientAssertion
  /** Why the assertion cannot count, whoever signed it. */
  fault?: string
  /** Toolgate asks itself about its own resource. Nothing that is read from a request has this. */
  built_in?: { resource: string }
}

const ID = /^[a-z0-9_-]{1,64}$/

// The hash of nothing. Compared with when the resource server is unknown, so that both refusals do the same work.
const NOBODY = Buffer.alloc(32)

/** A resource server sends the same header with every question: it is read and hashed once. */
const known = new Recent<PresentedCredentials>(500)
const KNOWN_HEADER_MAX = 512

/** RFC 6749 §2.3.1 form-encodes both halves of HTTP Basic; many resource servers do not. Our values need no encoding. */
function parseBasic(header: string): { id: string; secret: string } | undefined {
  const [scheme, encoded, ...rest] = header.split(' ')
  if (scheme?.toLowerCase() !== 'basic' || !encoded || rest.length > 0) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  return { id: decoded.slice(0, colon), secret: decoded.slice(colon + 1) }
}

type Parameters = { get(name: string): string | undefined }

/**
 * Reads client_secret_basic, client_secret_post or private_key_jwt credentials. Throws `unauthenticated` when there
 * are none or they are malformed, `invalid_input` when two ways are used at once (RFC 6749 §2.3).
 */
export function presentedCredentials(
  authorization: string | undefined,
  form: Parameters,
): PresentedCredentials {
  const secret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  const assertion_type = form.get('client_assertion_type')
  if (assertion !== undefined || assertion_type !== undefined) {
    if (authorization !== undefined || secret !== undefined) throw twoWays()
    return fromAssertion(assertion, assertion_type, form.get('client_id'))
  }
  if (authorization === undefined) return fromSecret(form.get('client_id') ?? '', secret ?? '')
  if (secret !== undefined) throw twoWays()
  return fromHeader(authorization)
}

function twoWays(): AppError {
  return new AppError(
    'invalid_input',
    'Authenticate in one way only: the Authorization header, client_secret or client_assertion',
  )
}

function fromHeader(header: string): PresentedCredentials {
  const before = known.get(header)
  if (before) return before
  const { id, secret } = parseBasic(header) ?? { id: '', secret: '' }
  const credentials = fromSecret(id, secret)
  if (header.length <= KNOWN_HEADER_MAX) known.set(header, credentials)
  return credentials
}

function fromSecret(id: string, secret: string): PresentedCredentials {
  if (!ID.test(id) || secret === '')
    throw new AppError(
      'unauthenticated',
      'Authenticate as a resource server with client_secret_basic, client_secret_post or private_key_jwt',
    )
  return { id, credential_hash: sha256(secret) }
}

function fromAssertion(
  text: string | undefined,
  type: string | undefined,
  client_id: string | undefined,
): PresentedCredentials {
  if (type !== ASSERTION_TYPE || text === undefined)
    throw new AppError('invalid_input', `client_assertion needs client_assertion_type ${ASSERTION_TYPE}`)
  const assertion = readAssertion(text)
  // RFC 7521 §4.2: a client_id, where there is one, MUST identify the same client.
  if (!assertion || !ID.test(assertion.id) || (client_id !== undefined && client_id !== assertion.id))
    throw new AppError(
      'unauthenticated',
      'The client assertion must be a signed JWT whose iss and sub are the client_id',
    )
  return { id: assertion.id, credential_hash: assertion.proven_under ?? NOBODY, assertion }
}

/** The credentials with which Toolgate asks itself. */
export function builtInCredentials(resource: string): PresentedCredentials {
  return { id: 'toolgate', credential_hash: NOBODY, built_in: { resource } }
}

/** Whether what was presented is the credential that is stored now. */
export function authenticates(presented: PresentedCredentials, stored: Buffer | undefined): boolean {
  if (presented.built_in) return true
  return (
    timingSafeEqual(presented.credential_hash, stored ?? NOBODY) &&
    stored !== undefined &&
    presented.fault === undefined
  )
}
