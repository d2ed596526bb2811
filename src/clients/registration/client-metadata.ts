import { isObject, parseJson } from '../../base/json.ts'
import { ASSERTION_ALGORITHMS, usableKeys } from '../keys/key-set.ts'
import { displayName, nameFault } from './client-name.ts'
import { isNative } from './receiver.ts'
import { redirectUriFault } from './redirect-uris.ts'

/**
 * One policy for what a client says about itself when it registers (RFC 7591): what is harmless and wrong is
 * mended, what is dangerous is refused. Clients send `null` members, scopes and grant types we do not know.
 */
export type Sanitised = { metadata: Record<string, unknown> } | { fault: string; error: ClientMetadataError }

export type ClientMetadataError = 'invalid_redirect_uri' | 'invalid_client_metadata'

export type MetadataPolicy = {
  /** Of apps that the operators of this server know besides those that are known here. */
  app_schemes?: readonly string[] | undefined
  /** An operator adds the client, and answers for its name. */
  is_added?: boolean
}

const REDIRECT_URIS_MAX = 10
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
const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const

type AuthMethod = (typeof AUTH_METHODS)[number]

function isAuthMethod(value: unknown): value is AuthMethod {
  return AUTH_METHODS.some((method) => method === value)
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined && value !== ''
}

function redirectFault(value: unknown, { app_schemes }: MetadataPolicy): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return 'redirect_uris must be a list with at least one URI'
  if (value.length > REDIRECT_URIS_MAX) return `at most ${REDIRECT_URIS_MAX} redirect URIs`
  for (const uri of value) {
    const fault = redirectUriFault(uri, app_schemes)
    if (fault) return fault
  }
  return undefined
}

/** NUL and lone surrogates as JSON spells them; Postgres stores neither, however deep they stand. */
const NOT_TEXT = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

function textFault(metadata: Record<string, unknown>): string | undefined {
  for (const [name, value] of Object.entries(metadata))
    if ((typeof value === 'string' && value.length > TEXT_MAX) || NOT_TEXT.test(JSON.stringify(value)))
      return `${name} is too long or not well-formed text`
  return undefined
}

/** Of keys only what is usable is kept; one place for them is enough. */
function keyFault(metadata: Record<string, unknown>, method: AuthMethod): string | undefined {
  const keys = usableKeys(metadata.jwks) ?? []
  delete metadata.jwks
  if (keys.length > 0) {
    metadata.jwks = { keys }
    delete metadata.jwks_uri
  }
  const needed = method === 'private_key_jwt' && keys.length === 0 && !metadata.jwks_uri
  return needed ? 'private_key_jwt needs jwks with a public key that can be used, or jwks_uri' : undefined
}

/** An address is decoration: a bad one is left out, it does not stop a client. */
function keepAddresses(metadata: Record<string, unknown>): void {
  const { contacts } = metadata
  if (!Array.isArray(contacts) || !contacts.every((each) => typeof each === 'string'))
    delete metadata.contacts
  for (const name of WEB_URIS) {
    const value = metadata[name]
    if (value === undefined) continue
    const url = typeof value === 'string' ? URL.parse(value) : null
    if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && name !== 'jwks_uri'))
      delete metadata[name]
  }
}

/**
 * The way the client will authenticate. Clients may offer a list to choose from (OpenID Connect Relying Party
 * Metadata Choices) beside or instead of one value; then the first entry that is possible here counts.
 */
function authMethod(body: Record<string, unknown>, possible: readonly AuthMethod[]): AuthMethod | undefined {
  const single = body.token_endpoint_auth_method
  if (isPresent(single) && typeof single !== 'string') return undefined
  if (isAuthMethod(single) && possible.includes(single)) return single
  const choices = body.token_endpoint_auth_methods_supported
  const chosen = Array.isArray(choices)
    ? choices.find((each) => isAuthMethod(each) && possible.includes(each))
    : undefined
  if (isAuthMethod(chosen)) return chosen
  return isPresent(single) ? undefined : 'none'
}

/** One that is unknown here is left for the engine to infer from the key. */
function signingAlgorithm(value: unknown): Record<string, string> {
  return typeof value === 'string' && ASSERTION_ALGORITHMS.includes(value)
    ? { token_endpoint_auth_signing_alg: value }
    : {}
}

function sanitise(
  body: Record<string, unknown>,
  possible: readonly AuthMethod[],
  policy: MetadataPolicy,
): Sanitised {
  const { token_endpoint_auth_signing_alg, ...metadata } = Object.fromEntries(
    Object.entries(body).filter(([name, value]) => KEPT.has(name) && isPresent(value)),
  )
  const fault = redirectFault(metadata.redirect_uris, policy)
  if (fault) return { fault, error: 'invalid_redirect_uri' }
  const text = textFault(metadata) ?? (policy.is_added ? undefined : nameFault(metadata.client_name))
  if (text) return { fault: text, error: 'invalid_client_metadata' }
  keepAddresses(metadata)
  const method = authMethod(body, possible)
  if (!method)
    return {
      fault: `token_endpoint_auth_method must be one of: ${possible.join(', ')}`,
      error: 'invalid_client_metadata',
    }
  const keys = keyFault(metadata, method)
  if (keys) return { fault: keys, error: 'invalid_client_metadata' }
  const redirect_uris = [...new Set(metadata.redirect_uris as string[])]
  const client_name = displayName(metadata.client_name)
  if (!client_name) delete metadata.client_name
  return {
    metadata: {
      ...metadata,
      redirect_uris,
      ...(client_name ? { client_name } : {}),
      ...(method === 'private_key_jwt' ? signingAlgorithm(token_endpoint_auth_signing_alg) : {}),
      token_endpoint_auth_method: method,
      grant_types: GRANT_TYPES,
      response_types: ['code'],
      // Clients that omit it would count as web clients, whose loopback port may not change.
      application_type: redirect_uris.some(isNative) ? 'native' : 'web',
    },
  }
}

/** Takes a registration body; gives metadata that the engine accepts, or the reason for a refusal. */
export function sanitiseClientMetadata(
  body: Record<string, unknown>,
  policy: MetadataPolicy = {},
): Sanitised {
  return sanitise(body, AUTH_METHODS, policy)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text)
  return isObject(value) ? value : undefined
}

/**
 * Takes the text of a client ID metadata document and the URL it came from; gives metadata, or the reason why this
 * is no document of that client. A document is public, so no secret can authenticate its client.
 */
export function sanitiseMetadataDocument(
  client_id: string,
  text: string,
  policy: MetadataPolicy = {},
): Sanitised {
  const document = parseObject(text)
  const refuse = (fault: string): Sanitised => ({ fault, error: 'invalid_client_metadata' })
  if (!document) return refuse('the document is not a JSON object')
  // Draft §4: the value MUST match the URL of the document, by simple string comparison.
  if (document.client_id !== client_id) return refuse('the document is about another client_id')
  if ('client_secret' in document) return refuse('the document holds a client_secret')
  const read = sanitise(document, ['none', 'private_key_jwt'], policy)
  return 'fault' in read ? read : { metadata: { ...read.metadata, client_id } }
}
