import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Person } from '../../examples/demo/person.ts'
import { testKey } from '../support/assertions.ts'
import {
  type Answer,
  DocumentHost,
  documentOf,
  json,
  misbehaviours,
  status,
} from '../support/document-host.ts'
import { PASSWORD, REDIRECT_URI, RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'

const OUTAGES = [
  'is cut off',
  'never answers',
  'never ends its answer',
  'is forbidden to us',
  'is overloaded',
  'is broken',
  'is away',
]

let host: DocumentHost
let toolgate: Toolgate
let second: Toolgate
let credentials: { client_id: string; client_secret: string }
let person: Person
let username: string
let client_id: string
let count = 0

beforeAll(async () => {
  host = await DocumentHost.start()
  const document_network = host.networkWith({ timeout_ms: 2_000 })
  toolgate = await Toolgate.start({ document_network })
  second = await Toolgate.start({ beside: toolgate, document_network })
  credentials = await toolgate.resourceServer()
})
beforeEach(async () => {
  const account = await toolgate.account()
  person = account.person()
  username = account.username
  count += 1
  // A host of its own for each test, so that no test spends another's budget.
  client_id = host.url('/client.json', `h${count}.documents.example`)
  host.answer = json(documentOf(client_id))
  host.requests.length = 0
})
afterEach(() => {
  host.answer = status(404)
})
afterAll(async () => {
  await second?.close()
  await toolgate?.close()
  await host?.close()
})

/** Lets time pass for the stored copies, by the clock of the database. */
async function pass(seconds: number): Promise<void> {
  const { knex } = toolgate.db.database
  const earlier = (column: string) => knex.raw('?? - make_interval(secs => ?)', [column, seconds])
  await knex('metadata_documents').update({ fresh_until: earlier('fresh_until') })
  const keys = { fresh_until: earlier('fresh_until'), ask_again_at: earlier('ask_again_at') }
  await knex('client_key_sets').update(keys)
}

async function rotated(
  instance: Toolgate,
  tokens: Tokens,
  more: Record<string, string> = {},
): Promise<Tokens> {
  const response = await instance.refresh(client_id, tokens.refresh_token, more)
  if (response.status !== 200) throw new Error(`refresh answered ${response.status} ${await response.text()}`)
  return (await response.json()) as Tokens
}

/** Somebody authorizes and gets as far as the sign-in page, or is shown an error. */
async function attempt(
  instance: Toolgate,
  id = client_id,
  headers: Record<string, string> = {},
): Promise<{ status: number; html: string }> {
  const { url } = authorizationRequest(toolgate.issuer, id, { scope: 'notes:read' })
  const response = await instance.fetch(`${url.pathname}${url.search}`, { headers })
  return { status: response.status, html: await response.text() }
}

describe('a host that is of no use', () => {
  it('disturbs none of 1,000 introspections and 100 refreshes of its clients, whatever it does', async () => {
    const [FAMILIES, INTROSPECTIONS] = [7, 70]
    let families: Tokens[] = []
    for (let index = 0; index < FAMILIES; index++) families.push(await toolgate.tokens(person, client_id))
    const instances = [toolgate, second]
    const numbers = { active: 0, refreshed: 0 }
    for (const [round, { kind, answer, addresses, opens, asked }] of misfortunes().entries()) {
      host.answer = answer
      host.addresses = addresses
      await pass(100_000)
      const before = host.requests.length
      const attempted = attempt(instances[round % 2]!)
      const introspections = Array.from({ length: INTROSPECTIONS }, (_, index) =>
        instances[index % 2]!.introspect(credentials, families[index % FAMILIES]!.access_token),
      )
      const refreshes = families.map((tokens, index) => rotated(instances[index % 2]!, tokens))
      for (const { active } of await Promise.all(introspections)) numbers.active += active ? 1 : 0
      families = await Promise.all(refreshes)
      numbers.refreshed += families.length
      expect({ kind, status: (await attempted).status }).toEqual({ kind, status: opens ? 303 : 400 })
      expect({ kind, asked: host.requests.length - before }).toEqual({ kind, asked })
    }
    host.addresses = ['127.0.0.1']
    const rounds = misfortunes().length
    expect(numbers).toEqual({ active: rounds * INTROSPECTIONS, refreshed: rounds * FAMILIES })
    expect(numbers.active).toBeGreaterThanOrEqual(1_000)
    expect(numbers.refreshed).toBeGreaterThanOrEqual(100)
  })

  type Misfortune = { kind: string; answer: Answer; addresses: string[]; opens: boolean; asked: number }

  /** What happens to the host, round by round; first what leaves the last good copy in force. */
  function misfortunes(): Misfortune[] {
    const names = {
      'not in the DNS': [],
      private: ['169.254.169.254'],
      'half private': ['127.0.0.1', '10.0.0.1'],
    }
    const named = Object.entries(names).map(([kind, addresses]) => {
      return { kind, addresses, answer: json(documentOf(client_id)), opens: true, asked: 0 }
    })
    const answering = Object.entries(misbehaviours(client_id)).map(([kind, answer]) => {
      return { kind, addresses: ['127.0.0.1'], answer, opens: OUTAGES.includes(kind), asked: 1 }
    })
    return [...named, ...answering]
  }

  it('does not stop new authorizations of a client that another instance knows', async () => {
    await toolgate.tokens(person, client_id)
    host.answer = (request) => void request.socket.destroy()
    await pass(1_000)
    const { status: code } = await attempt(second)
    expect(code).toBe(303)
    expect(host.requests.length).toBe(2)
  })

  it('that says the document is gone stops them, with a page that says why', async () => {
    await toolgate.tokens(person, client_id)
    host.answer = status(404)
    await pass(1_000)
    for (const instance of [toolgate, second]) {
      const { status: code, html } = await attempt(instance)
      expect(code).toBe(400)
      expect(html).toContain('the host answered 404')
    }
    expect(host.requests.length).toBe(2)
  })
})

describe('a document full of nonsense', () => {
  const key = testKey().public_jwk
  const NONSENSE: Record<string, unknown>[] = [
    { contacts: ['\0', '\ud800'] },
    { contacts: 'text' },
    { contacts: [1, null] },
    { contacts: { a: 1 } },
    { client_name: ['list'] },
    { client_name: '\0\ud800\u202e' },
    { client_uri: 1, logo_uri: ['x'], tos_uri: {}, policy_uri: 'javascript:alert(1)' },
    { logo_uri: 'https://a.example/\ud800' },
    { logo_uri: 'https://' },
    { software_id: 1, software_version: ['\0'] },
    { software_id: { a: '\0' } },
    { jwks: 'text' },
    { jwks: { keys: 'text' } },
    { jwks: { keys: [null, 1, '\0'] } },
    { jwks: { keys: [{ ...key, kid: '\0' }] } },
    { jwks: { keys: [key] }, jwks_uri: 'https://a.example/jwks' },
    { jwks_uri: 1 },
    { jwks_uri: 'http://a.example/jwks' },
    { jwks_uri: 'https://a.example/\ud800' },
    { redirect_uris: [] },
    { redirect_uris: 'text' },
    { redirect_uris: [1] },
    { redirect_uris: [REDIRECT_URI, '\0'] },
    { redirect_uris: Array(11).fill(REDIRECT_URI) },
    { token_endpoint_auth_method: 1 },
    { token_endpoint_auth_methods_supported: 'none' },
    { token_endpoint_auth_signing_alg: 'HS256' },
    { grant_types: 'text', response_types: {} },
    { application_type: 'other', subject_type: 'pairwise', sector_identifier_uri: 'https://a.example/x' },
    { request_uris: ['https://a.example/x'], require_signed_request_object: true, default_max_age: 'x' },
    { id_token_signed_response_alg: 'none', userinfo_signed_response_alg: 'HS256' },
    { tls_client_certificate_bound_access_tokens: true, dpop_bound_access_tokens: true },
    { backchannel_logout_uri: 'https://a.example/x', post_logout_redirect_uris: [1] },
    { client_secret_expires_at: 0 },
    { constructor: 1, toString: 1, ['__proto__']: { redirect_uris: ['https://a.example'] } },
  ]
  const methods = [{}, { token_endpoint_auth_method: 'private_key_jwt' }]

  /** Behind a proxy, so that nobody asks for too much. */
  let proxied: Toolgate
  beforeAll(async () => {
    const document_network = host.networkWith({ timeout_ms: 2_000 })
    const env = { TOOLGATE_TRUSTED_PROXY_HOPS: '1' }
    proxied = await Toolgate.start({ beside: toolgate, document_network, env })
  })
  afterAll(() => proxied.close())

  it('is a client or is refused with a reason; it is never our fault', async () => {
    let index = 0
    for (const nonsense of NONSENSE)
      for (const method of methods) {
        client_id = host.url('/client.json', `nonsense${Math.floor(index++ / 10)}.documents.example`)
        const id = `${client_id}?${index}`
        host.answer = json(documentOf(id, { ...method, ...nonsense }))
        const { status: code, html } = await attempt(proxied, id, { 'x-forwarded-for': `10.0.0.${index}` })
        const refused = code === 400 && html.includes('metadata document cannot be used')
        expect({ nonsense, code, refused }).toEqual({ nonsense, code: refused ? 400 : 303, refused })
      }
  })

  it.each(['null', '[]', '1', '""', '[[[[', '{"client_id":null}', '\ufeff{}', '{"a":"\\ud800"}'])(
    'as the text %j too',
    async (text) => {
      host.answer = (_, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(text)
      expect((await attempt(toolgate)).status).toBe(400)
    },
  )
})

describe('a document is fetched when somebody authorizes', () => {
  it('and at no other step of the flow, however old the copy', async () => {
    const visitor = new Visitor(toolgate.issuer)
    const { url, code_verifier } = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read' })
    const login = await visitor.open(url)
    expect(host.requests.length).toBe(1)
    await pass(100_000)
    host.answer = status(404)
    const consent = await visitor.submit(login, { username, password: PASSWORD })
    const left = await visitor.submit(consent, {}, ['notes:read'])
    const code = left.url.searchParams.get('code')!
    const tokens = (await (await toolgate.redeem(client_id, code, code_verifier)).json()) as Tokens
    const successor = await rotated(second, tokens)
    expect(await toolgate.introspect(credentials, successor.access_token)).toMatchObject({
      active: true,
      client_id,
    })
    const revoked = await second.post('/revoke', { client_id, token: successor.refresh_token })
    expect(revoked.status).toBe(200)
    expect(await toolgate.introspect(credentials, successor.access_token)).toEqual({ active: false })
    expect(host.requests.length).toBe(1)
  })

  it('and not by a client that nobody authorized', async () => {
    for (const id of [client_id, client_id.replace('https', 'HTTPS'), `${client_id}/../x`]) {
      for (const path of ['/token', '/revoke']) {
        const form = { client_id: id, token: 'x', grant_type: 'refresh_token', refresh_token: 'x' }
        const response = await toolgate.post(path, form)
        expect(response.status).toBe(401)
        expect(await response.json()).toMatchObject({ error: 'invalid_client' })
      }
    }
    for (const id of [
      client_id.replace('https', 'HTTPS'),
      client_id.replace('https', 'http'),
      `${client_id}#x`,
    ])
      expect((await attempt(toolgate, id)).status).toBe(400)
    expect(host.lookups).toBe(0)
  })

  beforeEach(() => {
    host.lookups = 0
  })
})

describe('a client that proves itself by a key at its jwks_uri', () => {
  const keyOf = (kid: string) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } }
  }
  type Key = { kid: string; privateKey: KeyObject; jwk: object }
  let keys: Key[]

  const publish: Answer = (request, response) => {
    const jwks_uri = new URL('/jwks.json', client_id).href
    const document = documentOf(client_id, {
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'RS256',
      jwks_uri,
    })
    const body = request.url === '/jwks.json' ? { keys: keys.map((each) => each.jwk) } : document
    json(body)(request, response)
  }

  function proof({ kid, privateKey }: Key): Record<string, string> {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: client_id,
      sub: client_id,
      aud: toolgate.issuer,
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
    }
    const text = [{ alg: 'RS256', kid }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`,
    }
  }

  async function connect(key: Key): Promise<Tokens> {
    const { code, code_verifier } = await toolgate.authorize(person, client_id)
    const response = await toolgate.redeem(client_id, code, code_verifier, proof(key))
    expect(response.status).toBe(200)
    return (await response.json()) as Tokens
  }

  beforeEach(() => {
    keys = [keyOf('one')]
    host.answer = publish
  })

  it('goes on while its host is away, on every instance', async () => {
    let tokens = await connect(keys[0]!)
    for (const answer of Object.values(misbehaviours(client_id))) {
      host.answer = answer
      await pass(100_000)
      tokens = await rotated(toolgate, tokens, proof(keys[0]!))
      tokens = await rotated(second, tokens, proof(keys[0]!))
    }
    const stranger = await toolgate.refresh(client_id, tokens.refresh_token, proof({ ...keyOf('one') }))
    expect(stranger.status).toBe(401)
    const unproven = await toolgate.refresh(client_id, tokens.refresh_token)
    expect(unproven.status).toBe(401)
    await rotated(second, tokens, proof(keys[0]!))
  })

  it('may rotate its key: the new one is fetched when it is first used', async () => {
    const tokens = await connect(keys[0]!)
    const old = keys[0]!
    keys = [keyOf('two')]
    await pass(31)
    const successor = await rotated(second, tokens, proof(keys[0]!))
    expect((await toolgate.refresh(client_id, successor.refresh_token, proof(old))).status).toBe(401)
    await rotated(toolgate, successor, proof(keys[0]!))
  })

  it('is refused, and its tokens are kept, when no key was ever there', async () => {
    const { code, code_verifier } = await toolgate.authorize(person, client_id)
    host.answer = status(500)
    const refused = await toolgate.redeem(client_id, code, code_verifier, proof(keys[0]!))
    expect(refused.status).toBe(401)
    expect(await refused.json()).toMatchObject({ error: 'invalid_client' })
    host.answer = publish
    await pass(61)
    expect((await toolgate.redeem(client_id, code, code_verifier, proof(keys[0]!))).status).toBe(200)
  })

  it('cannot send us to an address that is not public', async () => {
    const { code, code_verifier } = await toolgate.authorize(person, client_id)
    const before = host.connections
    host.addresses = ['127.0.0.1', '169.254.169.254']
    expect((await toolgate.redeem(client_id, code, code_verifier, proof(keys[0]!))).status).toBe(401)
    host.addresses = ['127.0.0.1']
    expect(host.connections).toBe(before)
  })
})

describe('the consent page', () => {
  const NOTICE = 'addresses or keys changed since you last allowed it'
  const consent = async (who: Person, members: Record<string, unknown>) => {
    host.answer = json(documentOf(client_id, members))
    await pass(1_000)
    return (await toolgate.authorize(who, client_id)).consent
  }

  it('says when hosts or keys of the client changed since this person last allowed it', async () => {
    const other = (await toolgate.account()).person()
    const moved = { redirect_uris: [REDIRECT_URI, 'https://elsewhere.example/cb'] }
    expect(await consent(person, {})).not.toContain(NOTICE)
    expect(await consent(person, { client_name: 'Renamed' })).not.toContain(NOTICE)
    expect(await consent(person, moved)).toContain(NOTICE)
    expect(await consent(person, moved)).not.toContain(NOTICE)
    expect(await consent(other, moved)).not.toContain(NOTICE)
    expect(await consent(person, {})).toContain(NOTICE)
  })

  it('names the host that published it, and says that its makers chose the name', async () => {
    expect(await consent(person, {})).toMatch(
      new RegExp(`published by[\\s\\S]*${new URL(client_id).host}[\\s\\S]*its makers chose`),
    )
  })
})

describe('the admission policy', () => {
  const events = async (request_id: string) =>
    toolgate.db.database
      .knex('audit_events')
      .where({ type: 'client.admission_refused', request_id })
      .select('*')

  async function underPolicy(env: Record<string, string>) {
    const network = { document_network: host.network }
    const instance = await Toolgate.start({ beside: toolgate, env, ...network })
    try {
      const metadata = await instance.fetch('/.well-known/oauth-authorization-server')
      const offered = ((await metadata.json()) as Record<string, unknown>)
        .client_id_metadata_document_supported
      const { url } = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read' })
      const response = await instance.fetch(`${url.pathname}${url.search}`)
      const [event, ...more] = await events(response.headers.get('x-request-id')!)
      expect(more).toEqual([])
      return { offered, status: response.status, detail: event?.detail }
    } finally {
      await instance.close()
    }
  }

  it('closed: not offered, refused, recorded under the id of the attempt', async () => {
    expect(await underPolicy({ TOOLGATE_CLIENT_DOCUMENTS: 'closed' })).toMatchObject({
      offered: false,
      status: 400,
      detail: { mode: 'closed', dry_run: false, host: new URL(client_id).host },
    })
    expect(host.requests).toEqual([])
  })

  it.each([
    ['a host on the list comes in', '*.documents.example', 303, undefined],
    ['another does not', 'other.example, *.other.example', 400, { mode: 'allow-list', dry_run: false }],
  ])('allow-list: %s', async (_, hosts, code, detail) => {
    const env = { TOOLGATE_CLIENT_DOCUMENTS: 'allow-list', TOOLGATE_CLIENT_DOCUMENT_HOSTS: hosts }
    const seen = await underPolicy(env)
    expect(seen).toMatchObject({ offered: true, status: code })
    if (detail) expect(seen.detail).toMatchObject(detail)
    else expect(seen.detail).toBeUndefined()
  })

  it('a dry run of closed: offered, admitted, recorded', async () => {
    const env = { TOOLGATE_CLIENT_DOCUMENTS: 'closed', TOOLGATE_CLIENT_DOCUMENTS_DRY_RUN: 'on' }
    expect(await underPolicy(env)).toMatchObject({ offered: true, status: 303, detail: { dry_run: true } })
  })

  it('a client whose host is no longer admitted keeps what people allowed it', async () => {
    const tokens = await toolgate.tokens(person, client_id)
    const closed = await Toolgate.start({ beside: toolgate, env: { TOOLGATE_CLIENT_DOCUMENTS: 'closed' } })
    const successor = await rotated(closed, tokens).finally(() => closed.close())
    expect(await toolgate.introspect(credentials, successor.access_token)).toMatchObject({
      active: true,
      aud: RESOURCE,
    })
  })
})
