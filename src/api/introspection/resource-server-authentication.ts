import { timingSafeEqual } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import {
  type ClientCredentials,
  type Parameters,
  readClientCredentials,
} from '../../clients/client-credentials.ts'
import { ASSERTION_TYPE } from '../../clients/keys/client-assertion.ts'
import { Recent } from './recent.ts'

/** What the caller of /introspect presents to prove which resource server it is. */
export type PresentedCredentials = {
  id: string
  /** SHA-256 of the secret; with an assertion, the hash of the key set that signed it, all zeros before that is known. */
  credential_hash: Buffer
  assertion?: string
  /** Why the assertion does not count, although a key of the resource server signed it. */
  fault?: string
  /** Toolgate asks itself about its own resource. Nothing that is read from a request has this. */
  built_in?: { resource: string }
}

const ID = /^[a-z0-9_-]{1,64}$/

// The hash of nothing. Compared with when the resource server is unknown, so that both refusals do the same work.
const NOBODY = Buffer.alloc(32)

/** A resource server sends the same header or assertion with many questions: it is read once. */
const known = new Recent<PresentedCredentials>(500)
const KNOWN_MAX_LENGTH = 2_048

/**
 * Reads client_secret_basic, client_secret_post or private_key_jwt credentials. Throws `unauthenticated` when there
 * are none or they are malformed, `invalid_input` when two ways are used at once (RFC 6749 §2.3).
 */
export function presentedCredentials(
  authorization: string | undefined,
  form: Parameters,
): PresentedCredentials {
  const proof = onlyProof(authorization, form)
  const before = proof === undefined ? undefined : known.get(proof)
  if (before) return before
  const credentials = presented(readClientCredentials(authorization, form))
  if (proof !== undefined && proof.length <= KNOWN_MAX_LENGTH) known.set(proof, credentials)
  return credentials
}

/** The header, or the assertion, where nothing beside it has a say. */
function onlyProof(authorization: string | undefined, form: Parameters): string | undefined {
  const type = form.get('client_assertion_type')
  if (form.get('client_id') !== undefined || form.get('client_secret') !== undefined) return undefined
  if (type === undefined && form.get('client_assertion') === undefined) return authorization
  return authorization === undefined && type === ASSERTION_TYPE ? form.get('client_assertion') : undefined
}

function presented({ client_id, client_secret, client_assertion }: ClientCredentials): PresentedCredentials {
  if (client_id !== undefined && ID.test(client_id)) {
    if (client_secret !== undefined) return { id: client_id, credential_hash: sha256(client_secret) }
    if (client_assertion !== undefined)
      return { id: client_id, credential_hash: NOBODY, assertion: client_assertion }
  }
  throw new AppError(
    'unauthenticated',
    'Authenticate as a resource server with client_secret_basic, client_secret_post or private_key_jwt',
  )
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
