import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Person } from '../../examples/demo/person.ts'
import { createAccount } from '../../src/accounts/accounts.ts'
import { TEST } from '../support/origins.ts'
import { PostgresProxy } from '../support/postgres-proxy.ts'
import { dumpDatabase, formsOf, leaksIn } from '../support/secret-search.ts'
import { ServerProcess } from '../support/server-process.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** Every bearer secret that a run used, by value, with what it is. */
const secrets = new Map<string, string>()
const keep = (name: string, value: unknown): string => {
  if (typeof value !== 'string' || value.length < 12) throw new Error(`${name} is no secret to look for`)
  secrets.set(value, name)
  return value
}
const canary = (name: string) => keep(name, `canary ${name} ${randomBytes(12).toString('hex')}`)

let toolgate: Toolgate
let proxy: PostgresProxy
let served: ServerProcess
let rs: Awaited<ReturnType<Toolgate['resourceServer']>>
let operator_token: string
let log = ''

beforeAll(async () => {
  const write = (line: string) => {
    log += line
  }
  toolgate = await Toolgate.start({ log: { write } })
  rs = await toolgate.resourceServer()
  keep('secret of a resource server', rs.client_secret)
  operator_token = keep('operator token', (await toolgate.operatorToken()).token)
  proxy = await PostgresProxy.start(toolgate.db.url)
  served = await ServerProcess.start({
    // Before its account exists the server would make one, and show its password this once.
    database_url: await withAccount(proxy.url),
    env: { DEBUG: '*', TOOLGATE_LOG_LEVEL: 'debug' },
  })
})
afterAll(async () => {
  await served.end('SIGTERM')
  await proxy.close()
  await toolgate.close()
})

async function withAccount(url: string): Promise<string> {
  await toolgate.account()
  return url
}

/** A browser's fetch that keeps what it was given: cookies with their signatures, and the forms' tokens. */
const watching: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(';')[0]!.split(/=(.*)/s)
    if (value) keep(`cookie ${name}`, value)
  }
  const csrf = /name="csrf"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf"/.exec(
    await response.clone().text(),
  )
  if (csrf) keep('form token', csrf[1] ?? csrf[2])
  return response
}

class Flows {
  readonly issuer: string
  constructor(issuer: string) {
    this.issuer = issuer
  }

  async post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
    const init = { method: 'POST', body: new URLSearchParams(form), headers }
    const response = await fetch(this.issuer + path, init)
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : {} }
  }

  async tokens(form: Record<string, string>, headers: Record<string, string> = {}) {
    const { status, body } = await this.post('/token', form, headers)
    if (status === 200) {
      keep('access token', body.access_token)
      keep('refresh token', body.refresh_token)
    }
    return { status, ...body }
  }

  async register(token_endpoint_auth_method: string) {
    const metadata = { client_name: 'Canary', redirect_uris: [REDIRECT_URI], token_endpoint_auth_method }
    const response = await fetch(`${this.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metadata),
    })
    const client = (await response.json()) as { client_id: string; client_secret?: string }
    if (client.client_secret) keep('client secret', client.client_secret)
    return client
  }

  async authorize(person: Person, client_id: string) {
    const code_verifier = keep('code verifier', randomBytes(32).toString('base64url'))
    const url = new URL('/authorize', this.issuer)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri: REDIRECT_URI,
      code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: 'of no consequence',
      resource: RESOURCE,
      scope: 'notes:read',
    }).toString()
    const { callback } = await person.authorize(url, REDIRECT_URI)
    const code = keep('authorization code', callback.searchParams.get('code'))
    return { grant_type: 'authorization_code', code, code_verifier, redirect_uri: REDIRECT_URI, client_id }
  }

  async person() {
    const username = `canary-${randomBytes(6).toString('hex')}`
    const password = canary('password')
    await createAccount(toolgate.dependencies, { username, password, roles: ['editor'] }, TEST)
    const wrong = new Person({ username, password: canary('wrong password'), fetch: watching })
    return { right: new Person({ username, password, fetch: watching }), wrong }
  }

  introspect(token: string, client_secret: string) {
    return this.post('/introspect', { token, client_id: rs.client_id, client_secret })
  }

  operator(path: string, token: string, body?: object) {
    const init = body && { method: 'POST', body: JSON.stringify(body) }
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    return fetch(`${this.issuer}/operator/api/v1${path}`, { ...init, headers })
  }

  /** Everything that happens to a well-behaved client, for each way of client authentication. */
  async succeed(auth: 'none' | 'client_secret_post' | 'client_secret_basic') {
    const { client_id, client_secret = '' } = await this.register(auth)
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
    const headers: Record<string, string> =
      auth === 'client_secret_basic' ? { authorization: `Basic ${basic}` } : {}
    const posted: Record<string, string> = auth === 'client_secret_post' ? { client_secret } : {}
    const { right } = await this.person()
    const redemption = await this.authorize(right, client_id)
    const first = await this.tokens({ ...redemption, ...posted }, headers)
    const refresh = (refresh_token: string) =>
      this.tokens({ grant_type: 'refresh_token', client_id, refresh_token, ...posted }, headers)
    const second = await refresh(first.refresh_token)
    await refresh(first.refresh_token)
    const third = await refresh(second.refresh_token)
    expect(third.status).toBe(200)
    expect((await this.introspect(third.access_token, rs.client_secret)).body.active).toBe(true)
    await this.post('/revoke', { token: third.access_token, client_id, ...posted }, headers)
    return { client_id, posted, redemption, headers, refresh, latest: third.refresh_token as string }
  }

  /** Everything that is refused, with secrets in the request. */
  async fail(done: Awaited<ReturnType<Flows['succeed']>>) {
    const { client_id, latest } = done
    const { wrong } = await this.person()
    await expect(this.authorize(wrong, client_id)).rejects.toThrow()
    const other = await this.register('client_secret_post')
    const client_secret = canary('wrong client secret')
    await this.post('/token', { ...done.redemption, client_id: other.client_id, client_secret })
    await this.post('/token', { grant_type: 'refresh_token', refresh_token: latest, client_id: 'cl_unknown' })
    await this.post('/token', { grant_type: 'nonsense', refresh_token: latest, client_id })
    await this.post('/token', { grant_type: 'refresh_token', refresh_token: canary('junk token'), client_id })
    await this.introspect(canary('junk access token'), rs.client_secret)
    await this.introspect(latest, canary('wrong secret of a resource server'))
    await this.post('/revoke', { token: canary('junk revoked token'), client_id })
    await this.operator(
      '/grants',
      `tgo_${keep('wrong operator token', randomBytes(32).toString('base64url'))}`,
    )
    await this.operator(`/refresh-tokens/${encodeURIComponent('not an id')}/revoke`, operator_token, {})
    // A spent code ends its family; a revocation does, too.
    expect((await this.tokens({ ...done.redemption, ...done.posted }, done.headers)).status).toBe(400)
    expect((await done.refresh(latest)).status).toBe(400)
    expect((await this.operator('/grants/revoke', operator_token, { client_id })).status).toBe(200)
  }

  async everything() {
    for (const auth of ['none', 'client_secret_post', 'client_secret_basic'] as const)
      await this.fail(await this.succeed(auth))
  }
}

/** Statements that fail in the middle of a request: their errors are logged. */
async function loseDatabase(flows: Flows) {
  for (const text of ['refresh-states', 'rotate-refresh-tokens', 'copy audit_events', 'COMMIT']) {
    const { client_id } = await flows.register('none')
    const { right } = await flows.person()
    const first = await flows.tokens(await flows.authorize(right, client_id))
    const cut = proxy.cutAt(text, 'lost')
    const form = { grant_type: 'refresh_token', client_id, refresh_token: first.refresh_token }
    expect([(await flows.tokens(form)).status, cut.happened]).toEqual([503, true])
  }
}

/** The id of an interaction is also in its address; without the signature beside it the cookie opens nothing. */
const inAddresses = (name: string) => /^cookie toolgate_(interaction|resume)$/.test(name)

describe('the search itself', () => {
  it('finds a secret in every form', () => {
    const secret = randomBytes(32).toString('base64url')
    const inside = Buffer.from(`xy${secret}z`)
    const texts = [
      secret,
      inside.toString('hex').toUpperCase(),
      inside.toString('base64'),
      inside.toString('base64url'),
      Buffer.from(secret, 'base64url').toString('hex'),
      Buffer.from(secret, 'base64url').toString('base64'),
    ]
    for (const text of texts) expect(leaksIn(text, new Map([[secret, 'it']]))).not.toEqual([])
    expect(formsOf(secret).every((form) => form.length >= 40)).toBe(true)
  })
})

describe('the id of an interaction', () => {
  it('opens nothing without the signature beside it', async () => {
    const { client_id } = await toolgate.register()
    const url = new URL('/authorize', toolgate.issuer)
    const code_challenge = createHash('sha256').update('a verifier').digest('base64url')
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri: REDIRECT_URI,
      code_challenge,
      code_challenge_method: 'S256',
      resource: RESOURCE,
    }).toString()
    const sent = await fetch(url, { redirect: 'manual' })
    const cookies = sent.headers.getSetCookie().map((line) => line.split(';')[0]!)
    const path = sent.headers.get('location')!
    const open = (cookie: string[]) =>
      fetch(new URL(path, toolgate.issuer), { headers: { cookie: cookie.join('; ') } })
    expect((await open(cookies)).status).toBe(200)
    expect((await open(cookies.filter((each) => !/^[^=]*\.sig=/.test(each)))).status).toBe(404)
  })
})

describe('bearer secrets', () => {
  it('are in no table and in no log, in any form, after everything that can happen', async () => {
    await new Flows(toolgate.issuer).everything()
    const flows = new Flows(served.issuer)
    await flows.everything()
    await loseDatabase(flows)

    const kinds = new Set(secrets.values())
    for (const kind of ['access token', 'refresh token', 'authorization code', 'code verifier', 'password'])
      expect(kinds).toContain(kind)
    for (const kind of [
      'client secret',
      'form token',
      'cookie toolgate_session',
      'cookie toolgate_session.sig',
    ])
      expect(kinds).toContain(kind)

    const { text, tables } = await dumpDatabase(toolgate.db.database.knex)
    for (const name of ['grants', 'refresh_tokens', 'access_tokens', 'oidc_payloads', 'accounts', 'clients'])
      expect(tables).toContain(`public.${name}`)
    expect(text).toContain('consent.given')
    expect(leaksIn(text, secrets)).toEqual([])

    expect(leaksIn(log, secrets)).toEqual([])
    expect(served.output).toContain('request cannot be served now')
    expect(served.output).toContain('knex')
    const ours = served.output.split('\n').filter((line) => line.startsWith('{"level"'))
    expect(ours.length).toBeGreaterThan(0)
    expect(leaksIn(ours.join('\n'), secrets)).toEqual([])
    // The router's own tracing names every address that it is asked for.
    const beyond_addresses = new Map([...secrets].filter(([, name]) => !inAddresses(name)))
    expect(leaksIn(served.output, beyond_addresses)).toEqual([])
  })
})
