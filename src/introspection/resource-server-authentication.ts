import { timingSafeEqual } from 'node:crypto'
import { sha256 } from '../clients/client-secret.ts'
import { AppError } from '../errors.ts'

/** What the caller of /introspect presents to prove which resource server it is. */
export type PresentedCredentials = { id: string; secret_hash: Buffer }

const ID = /^[a-z0-9_-]{1,64}$/

/** RFC 6749 §2.3.1 form-encodes both halves of HTTP Basic; many resource servers do not. Our values need no encoding. */
function parseBasic(header: string): { id: string; secret: string } | undefined {
  const [scheme, encoded, ...rest] = header.split(' ')
  if (scheme?.toLowerCase() !== 'basic' || !encoded || rest.length > 0) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  return { id: decoded.slice(0, colon), secret: decoded.slice(colon + 1) }
}

/**
 * Reads client_secret_basic or client_secret_post credentials. Throws `unauthenticated` when there are none or
 * they are malformed, `invalid_input` when both ways are used at once (RFC 6749 §2.3).
 */
export function presentedCredentials(
  authorization: string | undefined,
  form: { get(name: string): string | undefined },
): PresentedCredentials {
  const secret = form.get('client_secret')
  if (authorization !== undefined && secret !== undefined)
    throw new AppError('invalid_input', 'Authenticate in one way only: the Authorization header or the body')
  const presented =
    authorization === undefined
      ? { id: form.get('client_id') ?? '', secret: secret ?? '' }
      : parseBasic(authorization)
  if (!presented || !ID.test(presented.id) || presented.secret === '')
    throw new AppError(
      'unauthenticated',
      'Authenticate as a resource server with client_secret_basic or client_secret_post',
    )
  return { id: presented.id, secret_hash: sha256(presented.secret) }
}

// Compared with when the resource server is unknown, so that both refusals do the same work.
const NOBODY = Buffer.alloc(32)

export function authenticates(presented: PresentedCredentials, stored: Buffer | undefined): boolean {
  return timingSafeEqual(presented.secret_hash, stored ?? NOBODY) && stored !== undefined
}
