import { canonicalJson } from '../../base/canonical-json.ts'
import { sha256 } from '../../base/digest.ts'

/**
 * What makes two registrations the same. Undefined for a client with a secret: a second caller must not be given
 * a client whose secret somebody else holds, and nobody can show that secret again.
 */
export function registrationDigest(metadata: Record<string, unknown>): Buffer | undefined {
  const method = metadata.token_endpoint_auth_method
  if (method !== 'none' && method !== 'private_key_jwt') return undefined
  return sha256(canonicalJson(metadata))
}
