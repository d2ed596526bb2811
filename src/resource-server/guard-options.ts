import { algorithmOf, type PrivateKey } from './client-authentication.ts'

/** What an MCP server tells its guard: who it is, whom it trusts, and how it authenticates there. */
export type GuardOptions = {
  /** RFC 8707 identifier of this MCP server: the exact URL of its endpoint, as people type it. */
  resource: string
  /** Issuer identifier of the authorization server, verbatim (RFC 8414 §2). */
  issuer: string
  /** RFC 7662 endpoint; `<issuer>/introspect` when absent. */
  introspection_endpoint?: string
  /** Credentials of this resource server at the authorization server: its id, with a secret or with a private key. */
  client_id: string
  client_secret?: string
  /** For private_key_jwt (RFC 7523): a JWK whose public half is registered at the authorization server. */
  private_key?: PrivateKey
  /** Scopes asked of a client that comes without a token. */
  default_scopes: string[]
  /** Scopes in the RFC 9728 document; the default scopes when absent. */
  scopes_supported?: string[]
  /** Name shown to people, RFC 9728 §2. */
  resource_name?: string
  fetch?: typeof fetch
  /** Longest wait for one introspection answer; 5000 when absent. */
  timeout_ms?: number
  /** Hears why a request was answered 503 or 500. The error never holds a token or a secret. */
  on_error?: (error: Error) => void
}

/** The options, checked and with every default filled in. */
export type GuardSettings = {
  resource: string
  issuer: string
  introspection_endpoint: string
  client_id: string
  client_secret: string | undefined
  private_key: PrivateKey | undefined
  default_scopes: string[]
  scopes_supported: string[]
  resource_name: string | undefined
  fetch: typeof fetch
  timeout_ms: number
  on_error: (error: Error) => void
}

// RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Checks the options once, at start-up, so that a mistake stops the server and not its first request.
 * @throws TypeError naming the option
 */
export function checkOptions(options: GuardOptions): GuardSettings {
  const default_scopes = scopes('default_scopes', options.default_scopes)
  const timeout_ms = options.timeout_ms ?? 5_000
  if (!Number.isSafeInteger(timeout_ms) || timeout_ms < 1) {
    throw new TypeError('timeout_ms must be a positive whole number of milliseconds')
  }
  const issuer = httpUrl('issuer', options.issuer)
  return {
    resource: httpUrl('resource', options.resource),
    issuer,
    introspection_endpoint: httpUrl(
      'introspection_endpoint',
      options.introspection_endpoint ?? `${issuer.replace(/\/$/, '')}/introspect`,
    ),
    client_id: nonEmpty('client_id', options.client_id),
    ...credentials(options),
    default_scopes,
    scopes_supported: scopes('scopes_supported', options.scopes_supported ?? default_scopes),
    resource_name: options.resource_name,
    fetch: options.fetch ?? fetch,
    timeout_ms,
    on_error: quiet(options.on_error),
  }
}

function httpUrl(option: string, value: unknown): string {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (typeof value !== 'string' || !url || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(`${option} must be an absolute http or https URL`)
  }
  // RFC 8707 §2: the resource identifier MUST NOT include a fragment component.
  if (value.includes('#') || url.username || url.password) {
    throw new TypeError(`${option} must have no fragment and no credentials`)
  }
  return value
}

function nonEmpty(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${option} must be a non-empty string`)
  return value
}

/** Exactly one way to authenticate (RFC 6749 §2.3). */
function credentials({ client_secret, private_key }: GuardOptions) {
  if (private_key === undefined)
    return { client_secret: nonEmpty('client_secret', client_secret), private_key: undefined }
  if (client_secret !== undefined)
    throw new TypeError('private_key must not be given together with client_secret')
  if (!algorithmOf(private_key))
    throw new TypeError('private_key must be a private JWK: EC P-256, OKP Ed25519 or RSA')
  return { client_secret: undefined, private_key }
}

function scopes(option: string, value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((scope) => SCOPE_TOKEN.test(scope))) {
    throw new TypeError(`${option} must be a list of scopes`)
  }
  return [...value]
}

/** A reporter that fails must not change what the guard answers. */
function quiet(on_error: GuardOptions['on_error']): (error: Error) => void {
  return (error) => {
    try {
      on_error?.(error)
    } catch {}
  }
}
