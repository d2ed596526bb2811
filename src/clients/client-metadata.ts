import { isNative, redirectUriFault } from './redirect-uris.ts'

/**
 * One policy for what a client says about itself when it registers (RFC 7591): what is harmless and wrong is
 * mended, what is dangerous is refused. Clients send `null` members, scopes and grant types we do not know.
 */
export type Sanitised = { metadata: Record<string, unknown> } | { fault: string; error: ClientMetadataError }

export type ClientMetadataError = 'invalid_redirect_uri' | 'invalid_client_metadata'

const REDIRECT_URIS_MAX = 10
const NAME_MAX_CODE_POINTS = 64
const TEXT_MAX = 2_048

/** Members that are kept; anything else a client sends is dropped. */
const KEPT = new Set([
  'redirect_uris',
  'client_name',
  'client_uri',
  'logo_uri',
  'tos_uri',
  'policy_uri',
  'contacts',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'grant_types',
  'response_types',
  'application_type',
  'software_id',
  'software_version',
])

const WEB_URIS = ['client_uri', 'logo_uri', 'tos_uri', 'policy_uri', 'jwks_uri'] as const
const GRANT_TYPES = ['authorization_code', 'refresh_token']
const AUTH_METHODS = new Set(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'])

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined && value !== ''
}

/** A name for people: no control, format or bidirectional characters, at most 64 code points. */
export function displayName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  const visible = name
    .toWellFormed()
    .normalize('NFKC')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  return visible === '' ? undefined : [...visible].slice(0, NAME_MAX_CODE_POINTS).join('')
}

function redirectFault(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return 'redirect_uris must be a list with at least one URI'
  if (value.length > REDIRECT_URIS_MAX) return `at most ${REDIRECT_URIS_MAX} redirect URIs`
  for (const uri of value) {
    const fault = redirectUriFault(uri)
    if (fault) return fault
  }
  return undefined
}

function textFault(metadata: Record<string, unknown>): string | undefined {
  for (const [name, value] of Object.entries(metadata))
    if (
      typeof value === 'string' &&
      (value.length > TEXT_MAX || !value.isWellFormed() || value.includes('\0'))
    )
      return `${name} is too long or not well-formed text`
  return undefined
}

/** An address is decoration: a bad one is left out, it does not stop a client. */
function keepWebUris(metadata: Record<string, unknown>): void {
  for (const name of WEB_URIS) {
    const value = metadata[name]
    if (value === undefined) continue
    const url = typeof value === 'string' ? URL.parse(value) : null
    if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && name !== 'jwks_uri'))
      delete metadata[name]
  }
}

/** Takes a registration body; gives metadata that the engine accepts, or the reason for a refusal. */
export function sanitiseClientMetadata(body: Record<string, unknown>): Sanitised {
  const metadata = Object.fromEntries(
    Object.entries(body).filter(([name, value]) => KEPT.has(name) && isPresent(value)),
  )
  const fault = redirectFault(metadata.redirect_uris)
  if (fault) return { fault, error: 'invalid_redirect_uri' }
  const text = textFault(metadata)
  if (text) return { fault: text, error: 'invalid_client_metadata' }
  keepWebUris(metadata)
  const redirect_uris = [...new Set(metadata.redirect_uris as string[])]
  const method = metadata.token_endpoint_auth_method ?? 'none'
  if (typeof method !== 'string' || !AUTH_METHODS.has(method))
    return { fault: 'token_endpoint_auth_method is not supported', error: 'invalid_client_metadata' }
  const client_name = displayName(metadata.client_name)
  if (!client_name) delete metadata.client_name
  return {
    metadata: {
      ...metadata,
      redirect_uris,
      ...(client_name ? { client_name } : {}),
      token_endpoint_auth_method: method,
      grant_types: GRANT_TYPES,
      response_types: ['code'],
      // Clients that omit it would count as web clients, whose loopback port may not change.
      application_type: redirect_uris.some(isNative) ? 'native' : 'web',
    },
  }
}
