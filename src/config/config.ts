import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Environment } from './environment.ts'

/** The configuration, read once from the environment: the only place that knows `process.env`. */
const PREFIX = 'TOOLGATE_'

export const ENVIRONMENT_VARIABLES: readonly string[] = Object.keys(Environment.shape).map(
  (name) => PREFIX + name,
)

/** The configuration cannot be used; `faults` lists every reason, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** Collects TOOLGATE_X and the content of the file named by TOOLGATE_X_FILE. */
function readVariables(env: NodeJS.ProcessEnv, faults: string[]): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name.startsWith('TOOLGATE_TEST_') || value === undefined) continue
    const key = name.slice(PREFIX.length)
    const base = key.replace(/_FILE$/, '')
    if (!Object.hasOwn(Environment.shape, base)) {
      faults.push(`${name} is not a Toolgate variable; see docs/configuration.md`)
    } else if (key === base) {
      variables[base] = value
    } else if (env[PREFIX + base] !== undefined) {
      faults.push(`${name} and ${PREFIX}${base} are both set; keep one`)
    } else {
      try {
        variables[base] = readFileSync(value, 'utf8').trim()
      } catch {
        faults.push(`${name} names a file that cannot be read`)
      }
    }
  }
  return variables
}

/** Settings that mean nothing without each other, or cannot work with each other. */
function mismatches(env: Environment): string[] {
  const faults: string[] = []
  if (env.REGISTRATION === 'token' && !env.REGISTRATION_TOKEN)
    faults.push('TOOLGATE_REGISTRATION=token needs TOOLGATE_REGISTRATION_TOKEN')
  if (env.CLIENT_DOCUMENTS === 'allow-list' && !env.CLIENT_DOCUMENT_HOSTS?.length)
    faults.push('TOOLGATE_CLIENT_DOCUMENTS=allow-list needs TOOLGATE_CLIENT_DOCUMENT_HOSTS')
  if (env.ISSUER?.startsWith('https://') && env.TRUSTED_PROXY_HOPS === 0)
    faults.push(
      'TOOLGATE_TRUSTED_PROXY_HOPS must be at least 1 with an https issuer: Toolgate speaks HTTP, and a proxy in front ends TLS',
    )
  return faults
}

/** What development lets pass and production does not: each default that is only safe on one's own machine. */
function productionFaults(env: Environment): string[] {
  if (env.ENV !== 'production') return []
  const faults: string[] = []
  if (!env.ISSUER) faults.push('TOOLGATE_ISSUER must be set in production: the public https origin')
  else if (!env.ISSUER.startsWith('https://')) faults.push('TOOLGATE_ISSUER must be https in production')
  if (!env.DATABASE_URL)
    faults.push('TOOLGATE_DATABASE_URL must be set in production: postgres://user:password@host/database')
  if (!env.KEYS)
    faults.push(
      'TOOLGATE_KEYS (or TOOLGATE_KEYS_FILE) must be set in production; make one: toolgate keys create',
    )
  if (!env.AUDIT_KEY)
    faults.push(
      'TOOLGATE_AUDIT_KEY (or TOOLGATE_AUDIT_KEY_FILE) must be set in production; make one: toolgate audit key create',
    )
  if (env.EXAMPLE_SERVER === 'on') faults.push('TOOLGATE_EXAMPLE_SERVER must be off in production')
  return faults
}

type Frozen<T> = { readonly [Name in keyof T]: Frozen<T[Name]> }

export type Config = Frozen<ReturnType<typeof toConfig>>

function frozen<T>(value: T): Frozen<T> {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

function toConfig(env: Environment) {
  const development = env.ENV === 'development'
  return {
    environment: env.ENV,
    issuer: env.ISSUER ?? `http://localhost:${env.PORT}`,
    http: {
      host: env.HOST ?? (development ? '127.0.0.1' : '0.0.0.0'),
      port: env.PORT,
      trusted_proxy_hops: env.TRUSTED_PROXY_HOPS,
    },
    database: {
      url: env.DATABASE_URL,
      server_role: env.DATABASE_SERVER_ROLE,
      pool_max: env.DATABASE_POOL_MAX,
      data_dir: resolve(env.DATA_DIR),
    },
    catalogue_file: env.CATALOGUE ?? (development ? 'catalogue.yaml' : undefined),
    log_level: env.LOG_LEVEL,
    keys: env.KEYS,
    tokens: {
      access_token_ttl_seconds: env.ACCESS_TOKEN_TTL,
      refresh_token_ttl_seconds: env.REFRESH_TOKEN_TTL,
      grant_ttl_seconds: env.GRANT_TTL,
      refresh_grace_seconds: env.REFRESH_GRACE,
    },
    app_schemes: env.APP_SCHEMES ?? [],
    registration: {
      mode: env.REGISTRATION,
      token: env.REGISTRATION_TOKEN,
      new_clients_per_hour: env.REGISTRATION_NEW_CLIENTS_PER_HOUR,
    },
    client_documents: {
      mode: env.CLIENT_DOCUMENTS,
      hosts: env.CLIENT_DOCUMENT_HOSTS ?? [],
      dry_run: env.CLIENT_DOCUMENTS_DRY_RUN === 'on',
    },
    audit: {
      retention_months: env.AUDIT_RETENTION_MONTHS,
      archive_dir: env.AUDIT_ARCHIVE_DIR && resolve(env.AUDIT_ARCHIVE_DIR),
      key: env.AUDIT_KEY,
      checkpoint_interval_seconds: env.AUDIT_CHECKPOINT_INTERVAL,
      checkpoint_sinks: env.AUDIT_CHECKPOINT_SINKS ?? [],
    },
    example_server: {
      enabled: env.EXAMPLE_SERVER ? env.EXAMPLE_SERVER === 'on' : development,
      port: env.EXAMPLE_PORT,
    },
  }
}

/** One variable by its name, for options that name one instead of holding a secret. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name]
}

/**
 * Reads the environment (`TOOLGATE_*`, each also as `TOOLGATE_*_FILE`) into a frozen Config.
 * Throws ConfigError that lists every fault at once, unknown variables included.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const faults: string[] = []
  const variables = readVariables(env, faults)
  const parsed = Environment.safeParse(variables)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) faults.push(`${PREFIX}${issue.path.join('.')} ${issue.message}`)
  } else {
    faults.push(...mismatches(parsed.data), ...productionFaults(parsed.data))
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults)
  return frozen(toConfig(parsed.data))
}
