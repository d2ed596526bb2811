import { sha256 } from '../../base/digest.ts'

/** JSON with sorted keys, so that equal metadata has equal bytes. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}

/**
 * What makes two registrations the same. Undefined for a client with a secret: a second caller must not be given
 * a client whose secret somebody else holds, and nobody can show that secret again.
 */
export function registrationDigest(metadata: Record<string, unknown>): Buffer | undefined {
  const method = metadata.token_endpoint_auth_method
  if (method !== 'none' && method !== 'private_key_jwt') return undefined
  return sha256(canonical(metadata))
}
