import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Person } from '../../examples/demo/person.ts'
import { createAccount } from '../../src/accounts/accounts.ts'
import type { OperatorScope } from '../../src/accounts/operator-scopes.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { builtIn } from '../../src/api/operator-api/operator-resource.ts'
import type { RefusalLimits } from '../../src/audit/log/refusal-counter.ts'
import { generateKeys, type Keys } from '../../src/authorization-server/keys.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue, CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { addClient } from '../../src/clients/clients.ts'
import type { DocumentNetwork } from '../../src/clients/documents/document-fetch.ts'
import { addResourceServer } from '../../src/clients/resource-servers/resource-servers.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type App, createApp } from '../../src/main/app.ts'
import { createLogger } from '../../src/main/logger.ts'
import { createPersonalToken } from '../../src/personal-tokens/personal-access-tokens.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { by, TEST } from './origins.ts'
import { type SendInit, send } from './send.ts'

/** A whole Toolgate on a database of its own, over real HTTP, with what tests do most often. */
export const RESOURCE = 'http://localhost:4001/mcp'
export const REDIRECT_URI = 'http://127.0.0.1:33418/callback'
export const PASSWORD = 'correct horse battery'

const ALL_REFUSALS: RefusalLimits = { of_network: 1e6, of_all: 1e6, networks: 1, minute_ms: 60_000 }

export type Tokens = {
  access_token: string
  refresh_token: string
  expires_in: number
  scope: string
  token_type: string
}

let shared_keys: Promise<Keys> | undefined

export type ToolgateOptions = {
  /** Share the database and issuer of another instance, as two processes behind one load balancer do. */
  beside?: Toolgate
  env?: Record<string, string>
  /** The path of the issuer, such as `/auth`; none when absent. */
  path?: string
  catalogue?: string
  /** A migrated database; `close` drops it. */
  db?: TestDatabase
  /** Where the server connects, as a role that does not own the database; what tests prepare, the owner does. */
  server_url?: string
  /** Where clients' documents are fetched from; test/support/document-host.ts has one. */
  document_network?: DocumentNetwork
  /** How many refusals are recorded one by one; all of them where absent, for tests that look at them. */
  refusals?: RefusalLimits
  /** Everything that is logged, line by line. */
  log?: { write(line: string): void }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
}

export class Toolgate {
  readonly issuer: string
  readonly port: number
  readonly db: TestDatabase
  readonly app: App
  readonly #server: Server
  readonly #owns_database: boolean
  readonly #limited: Database | undefined

  private constructor(parts: {
    issuer: string
    port: number
    db: TestDatabase
    app: App
    server: Server
    owns: boolean
    limited: Database | undefined
  }) {
    this.issuer = parts.issuer
    this.port = parts.port
    this.db = parts.db
    this.app = parts.app
    this.#server = parts.server
    this.#owns_database = parts.owns
    this.#limited = parts.limited
  }

  static async start(options: ToolgateOptions = {}): Promise<Toolgate> {
    const db = options.beside?.db ?? options.db ?? (await createTestDatabase())
    const { server_url } = options
    const limited = server_url === undefined ? undefined : openDatabase({ url: server_url, pool_max: 8 })
    let handle: App['listener'] | undefined
    const server = createServer((req, res) => void handle?.(req, res))
    // As the real one: a connection that the client is about to use again must not be closed under it.
    server.keepAliveTimeout = 65_000
    const port = await listen(server)
    const issuer = options.beside?.issuer ?? `http://localhost:${port}${options.path ?? ''}`
    const config = loadConfig({ TOOLGATE_ISSUER: issuer, ...options.env })
    shared_keys ??= generateKeys()
    const log = createLogger(options.log ? 'debug' : 'silent', options.log)
    const { document_network } = options
    const app = createApp({
      config,
      keys: await shared_keys,
      database: limited ?? db.database,
      log,
      refusals: options.refusals ?? ALL_REFUSALS,
      ...(document_network ? { document_network } : {}),
    })
    handle = app.listener
    if (!options.beside) {
      const text = options.catalogue ?? readFileSync('catalogue.yaml', 'utf8')
      const read = parseCatalogue(text)
      if ('faults' in read) throw new Error(read.faults.join('\n'))
      await applyCatalogue(db.database.knex, read.catalogue, 'test')
    }
    return new Toolgate({ issuer, port, db, app, server, owns: !options.beside, limited })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await this.app.close(() => new Promise((resolve) => this.#server.close(resolve)))
    await this.#limited?.close()
    if (this.#owns_database) await this.db.drop()
  }

  get dependencies() {
    const catalogues = new CatalogueCache(builtIn(this.issuer))
    return { db: this.db.database.knex, audit: this.app.audit, catalogues }
  }

  /** Asks for what is at `path` below the issuer. Redirects are not followed. */
  fetch(path: string, init: SendInit = {}): Promise<Response> {
    return this.fetchAtRoot(new URL(this.issuer).pathname.replace(/\/$/, '') + path, init)
  }

  /** Asks this very instance, as the issuer, whatever the issuer's port and path are. */
  fetchAtRoot(path: string, init: SendInit = {}): Promise<Response> {
    const headers = { host: new URL(this.issuer).host, ...init.headers }
    return send(`http://127.0.0.1:${this.port}${path}`, { ...init, headers })
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: new URLSearchParams(form), headers })
  }

  async account(roles: string[] = ['editor'], username = `user-${randomBytes(6).toString('hex')}`) {
    const made = await createAccount(this.dependencies, { username, password: PASSWORD, roles }, TEST)
    return {
      ...made,
      person: (tick?: (offered: string[]) => string[]) =>
        new Person({ username, password: PASSWORD, ...(tick ? { tick } : {}) }),
    }
  }

  operatorToken(scopes?: readonly OperatorScope[]): Promise<{ id: string; token: string }> {
    const asked = { name: 'test', days: 1, ...(scopes ? { scopes } : {}) }
    return createOperatorToken(this.dependencies, asked, TEST)
  }

  /** A read-only personal access token of this account. */
  personalToken(account: string): Promise<{ id: string; token: string }> {
    const request = {
      account,
      resource: RESOURCE,
      role: 'read-only',
      scopes: [],
      name: 'script',
      days: 30,
    } as const
    return createPersonalToken(this.dependencies, request, by(account))
  }

  /** A client that an operator added, as Toolgate's own resource asks for. */
  async clientOfOperator(): Promise<string> {
    const request = { name: 'Of an operator', redirect_uris: [REDIRECT_URI], confidential: false }
    return (await addClient(this.dependencies, request, TEST)).client_id
  }

  resourceServer(resource = RESOURCE) {
    return addResourceServer(this.dependencies, { resource }, TEST)
  }

  async register(
    metadata: Record<string, unknown> = {},
  ): Promise<Record<string, string> & { client_id: string }> {
    const response = await this.fetch('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Test client', redirect_uris: [REDIRECT_URI], ...metadata }),
    })
    if (response.status !== 201)
      throw new Error(`register answered ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, string> & { client_id: string }
  }

  /** Lets a person consent; returns the code and what is needed to redeem it. */
  async authorize(person: Person, client_id: string, parameters: Record<string, string> = {}) {
    const code_verifier = randomBytes(32).toString('base64url')
    const url = new URL(`${this.issuer}/authorize`)
    const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri: REDIRECT_URI,
      code_challenge,
      code_challenge_method: 'S256',
      state: 'state-of-the-client',
      resource: RESOURCE,
      scope: 'notes:read notes:write',
      ...parameters,
    }).toString()
    const visit = await person.authorize(url, parameters.redirect_uri ?? REDIRECT_URI)
    return { ...visit, code: visit.callback.searchParams.get('code') ?? '', code_verifier }
  }

  redeem(
    client_id: string,
    code: string,
    code_verifier: string,
    more: Record<string, string> = {},
  ): Promise<Response> {
    return this.post('/token', {
      grant_type: 'authorization_code',
      client_id,
      code,
      code_verifier,
      redirect_uri: REDIRECT_URI,
      ...more,
    })
  }

  refresh(client_id: string, refresh_token: string, more: Record<string, string> = {}): Promise<Response> {
    return this.post('/token', { grant_type: 'refresh_token', client_id, refresh_token, ...more })
  }

  /** The whole way to tokens, through the real pages. */
  async tokens(person: Person, client_id: string, parameters: Record<string, string> = {}): Promise<Tokens> {
    const { code, code_verifier } = await this.authorize(person, client_id, parameters)
    const response = await this.redeem(client_id, code, code_verifier)
    if (response.status !== 200) throw new Error(`token answered ${response.status} ${await response.text()}`)
    return (await response.json()) as Tokens
  }

  async introspect(
    credentials: { client_id: string; client_secret: string },
    token: string,
    more: Record<string, string> = {},
  ): Promise<Record<string, unknown> & { active: boolean }> {
    const { client_id, client_secret } = credentials
    const response = await this.post('/introspect', { token, client_id, client_secret, ...more })
    if (response.status !== 200)
      throw new Error(`introspect answered ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, unknown> & { active: boolean }
  }
}
