/**
 * Storage: opens the database, brings its schema up to date, runs a private Postgres where none is given,
 * and keeps the artefacts of oidc-provider.
 */
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { parseJson } from '../base/json.ts'
import { PLANNED_ONCE, sessionSettings } from './session-settings.ts'

/**
 * Three pools, so that no flood starves what must always go through: `hot` is for introspection and the audit log,
 * `tokens` for what anybody may send to the token and registration endpoints, `knex` for everything else, sign-in and
 * revocation above all.
 */
export type Database = { knex: Knex; tokens: Knex; hot: pg.Pool; close(): Promise<void> }

export type DatabaseOptions = {
  url: string
  application_name?: string
  /** Of `knex` and `tokens` together, half each; each has at least one. */
  pool_max?: number
  hot_pool_max?: number
  /** 0 waits for ever: for migrations, never for a server. */
  statement_timeout_ms?: number
}

const POOL_MAX = 16
const CONNECT_TIMEOUT_MS = 1500
const ACQUIRE_TIMEOUT_MS = 1500
const STATEMENT_TIMEOUT_MS = 5000
const LOCK_TIMEOUT_MS = 1000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
/** Longer than the server's own limit, which answers with a cause: this one is for a network that fell silent. */
const SILENCE_MS = 1000

/** knex would print the failures that it also throws. */
const SILENT = { warn() {}, error() {}, deprecate() {}, debug() {} }

const TEXT_PARSERS: Record<number, (text: string) => unknown> = {
  [pg.types.builtins.INT8]: parseInt8,
  [pg.types.builtins.JSON]: parseJson,
  [pg.types.builtins.JSONB]: parseJson,
}
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    const own = format === 'binary' ? undefined : TEXT_PARSERS[oid]
    return own ?? pg.types.getTypeParser(oid, format as 'text')
  },
}

function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint of the database exceeds 2^53 - 1')
  return value
}

/** Opens the pools. Connects lazily: an unreachable database shows at the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const statement_timeout_ms = options.statement_timeout_ms ?? STATEMENT_TIMEOUT_MS
  const connection = {
    connectionString: options.url,
    application_name: options.application_name ?? 'toolgate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: statement_timeout_ms === 0 ? 0 : statement_timeout_ms + SILENCE_MS,
    keepAlive: true,
    types,
  }
  const limits = {
    statement_timeout: statement_timeout_ms,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  }
  const pool_max = options.pool_max ?? POOL_MAX
  const tokens_max = Math.ceil(pool_max / 2)
  const planned_once = sessionSettings({ ...limits, ...PLANNED_ONCE })
  const db = openKnex(connection, sessionSettings(limits), Math.max(1, pool_max - tokens_max))
  const tokens = openKnex(connection, planned_once, tokens_max)
  const hot = new pg.Pool({
    ...connection,
    onConnect: (client) => client.query(planned_once),
    max: options.hot_pool_max ?? 6,
    idleTimeoutMillis: 60_000,
  })
  // An idle connection that Postgres closes is replaced at the next query; without a listener it would end the process.
  hot.on('error', () => {})
  hot.on('connect', (client) => client.on('error', () => {}))
  return {
    knex: db,
    tokens,
    hot,
    close: async () => {
      await Promise.all([db.destroy(), tokens.destroy(), hot.end()])
    },
  }
}

function openKnex(connection: object, settings: string, max: number): Knex {
  return knex({
    client: 'pg',
    connection: connection as Knex.PgConnectionConfig,
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    // Errors name the statement; with its values in it, a log of errors would hold data of rows.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max,
      afterCreate: (client: pg.Client, done: (error: unknown) => void) => client.query(settings, done),
    },
    log: SILENT,
  })
}

/** Where these connections go, for one of another kind. Holds the password: never log it. */
export function connectionUrl(db: Knex): string {
  return db.client.config.connection.connectionString
}

/** Connection exceptions, no resources, shutdown, cancelled, read-only standby, deadlock, serialization, lock timeout. */
const UNAVAILABLE_SQLSTATE = /^(08...|53...|57P0[1-5]|57014|25006|25P03|40001|40P01|55P03)$/
const UNAVAILABLE_SYSTEM_CODE =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|E(HOST|NET)(UNREACH|DOWN))$/
/** pg, pg-pool and knex give these no code; knex puts the statement in front. */
const UNAVAILABLE_MESSAGE =
  /(?:^| - )(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Unable to acquire a connection|Cannot use a pool after calling end|Client (was closed|has encountered a connection error) and is not queryable)/

/** Whether the database could not answer now, as opposed to a wrong statement: the caller answers 503 with Retry-After. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'KnexTimeoutError') return true
  const code = 'code' in error ? error.code : undefined
  if (typeof code === 'string') {
    if (UNAVAILABLE_SQLSTATE.test(code) || UNAVAILABLE_SYSTEM_CODE.test(code)) return true
    if (code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect') return true
  }
  return UNAVAILABLE_MESSAGE.test(error.message)
}
