import type { GuardedRequest } from './guarded-request.ts'
import type { Introspect } from './introspection-client/introspection.ts'
import type { CacheSettings, ServerSettings } from './introspection-client/server-settings.ts'
import { algorithmOf, type PrivateKey } from './introspection-client/signing-algorithm.ts'
import type { Recorder } from './reports/call-report.ts'
import type { ReportOptions } from './reports/report-queue.ts'

/**
 * How an MCP server is deployed, and therefore who is asked who calls:
 * `none`: local and single-user, nobody is asked; only over stdio or a loopback socket.
 * `token`: internal and multi-user, by personal access tokens.
 * `oauth`: remote and multi-user, by OAuth and by personal access tokens.
 */
export type GuardMode = 'none' | 'token' | 'oauth'

/**
 * What an MCP server tells its guard: who it is, whom it trusts, and how it authenticates there. What another mode needs
 * may stand here too, so that a change of the mode is a change of one line.
 */
export type GuardOptions = {
  /** `oauth` when absent. */
  mode?: GuardMode
  /** RFC 8707 identifier of this MCP server: the exact URL of its endpoint, as people type it. */
  resource: string
  /** Issuer identifier of the authorization server, verbatim (RFC 8414 §2). Not needed in mode `none`. */
  issuer?: string | undefined
  /** RFC 7662 endpoint; `<issuer>/introspect` when absent. */
  introspection_endpoint?: string | undefined
  /** Credentials of this resource server at the authorization server: its id, with a secret or with a private key. */
  client_id?: string | undefined
  client_secret?: string | undefined
  /** For private_key_jwt (RFC 7523): a JWK whose public half is registered at the authorization server. */
  private_key?: PrivateKey | undefined
  /** Scopes asked of a client that comes without a token. */
  default_scopes: string[]
  /** Scopes in the RFC 9728 document; the default scopes when absent. */
  scopes_supported?: string[]
  /** Name shown to people, RFC 9728 §2. */
  resource_name?: string
  /** Mode `none`: `localPolicy(…)` of `toolgate-guard/local`. */
  local?: LocalPolicy | undefined
  /** What came of each call is told to the audit log, never with its arguments. False: it is not. */
  reports?: false | ReportOptions | undefined
  /** Keep answers about what is read only; every call asks when absent. docs/guard-cache.md says what that costs. */
  cache?: CacheOptions | undefined
  fetch?: typeof fetch
  /** Longest wait for one introspection answer; 5000 when absent. */
  timeout_ms?: number
  /**
   * Hears why a request was answered 503 or 500, that reports were not taken or are lost, and that there is no revocation feed.
   * The error never holds a token or a secret.
   */
  on_error?: (error: Error) => void
}

export type CacheOptions = {
  /** How long an answer is kept at most, 1 to 3600; shorter when its token expires, or something is revoked. */
  max_age_seconds: number
  /**
   * How long the revocation feed may be silent before every call asks again, 6 to 60; 15 when absent. The authorization
   * server says every 5 seconds that it lives.
   */
  lease_seconds?: number | undefined
  /** Takes a report of each decision that is made here, before the call goes on; what sends `reports` when absent. */
  recorder?: Recorder | undefined
}

/** What stands in for the authorization server of a resource in mode `none`. */
export type LocalDecisions = {
  /** Throws a Refusal for whatever may come from elsewhere. */
  requireLocal(request: GuardedRequest): void
  introspect: Introspect
  recorder: Recorder
}

export type LocalPolicy = (resource: string) => LocalDecisions

/** The options, checked and with every default filled in. */
export type GuardSettings = {
  mode: GuardMode
  resource: string
  default_scopes: string[]
  scopes_supported: string[]
  resource_name: string | undefined
  on_error: (error: Error) => void
  /** Undefined: what comes of calls is told to nobody. */
  reports: ReportOptions | undefined
  /** Who decides: in mode `none` this machine, else the server. */
  decided_by: { local: LocalDecisions } | { server: ServerSettings }
}

const MODES: readonly unknown[] = ['none', 'token', 'oauth'] satisfies GuardMode[]
// RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Checks the options once, at start-up, so that a mistake stops the server and not its first request.
 * @throws TypeError naming the option
 */
export function checkOptions(options: GuardOptions): GuardSettings {
  const { mode = 'oauth' } = options
  if (!MODES.includes(mode)) throw new TypeError(`mode must be 'none', 'token' or 'oauth'`)
  const default_scopes = scopes('default_scopes', options.default_scopes)
  const resource = httpUrl('resource', options.resource)
  return {
    mode,
    resource,
    default_scopes,
    scopes_supported: scopes('scopes_supported', options.scopes_supported ?? default_scopes),
    resource_name: options.resource_name,
    on_error: quiet(options.on_error),
    reports: reportOptions(options),
    decided_by:
      mode === 'none' ? { local: localDecisions(resource, options) } : { server: serverSettings(options) },
  }
}

function reportOptions({ reports = {} }: GuardOptions): ReportOptions | undefined {
  if (reports === false) return undefined
  if (reports.endpoint !== undefined) httpUrl('reports.endpoint', reports.endpoint)
  return reports
}

function localDecisions(resource: string, { local }: GuardOptions): LocalDecisions {
  if (!local) throw new TypeError("mode 'none' needs local: localPolicy(…) of toolgate-guard/local")
  return local(resource)
}

function serverSettings(options: GuardOptions): ServerSettings {
  const timeout_ms = options.timeout_ms ?? 5_000
  if (!Number.isSafeInteger(timeout_ms) || timeout_ms < 1) {
    throw new TypeError('timeout_ms must be a positive whole number of milliseconds')
  }
  const issuer = httpUrl('issuer', options.issuer)
  const endpoint = options.introspection_endpoint ?? `${issuer.replace(/\/$/, '')}/introspect`
  return {
    issuer,
    introspection_endpoint: httpUrl('introspection_endpoint', endpoint),
    client_id: nonEmpty('client_id', options.client_id),
    ...credentials(options),
    fetch: unbound(options.fetch ?? fetch),
    timeout_ms,
    cache: cacheSettings(options),
  }
}

/** Workers and browsers refuse `fetch` as a method of anything. */
function unbound(call: typeof fetch): typeof fetch {
  return (input, init) => call(input, init)
}

function cacheSettings({ cache, reports }: GuardOptions): CacheSettings | undefined {
  if (!cache) return undefined
  if (reports === false && !cache.recorder)
    throw new TypeError('cache needs reports, because every decision is recorded')
  const { max_age_seconds, lease_seconds = 15, recorder } = cache
  return {
    max_age_ms: 1_000 * seconds('cache.max_age_seconds', max_age_seconds, 1, 3_600),
    lease_ms: 1_000 * seconds('cache.lease_seconds', lease_seconds, 6, 60),
    recorder,
  }
}

function seconds(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new TypeError(`${option} must be a whole number of seconds, ${least} to ${most}`)
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
