// Somebody sends a link to /authorize around, so that this server's good name leads a browser to a page of theirs, or makes it
// send them something, before any person acted (RFC 9700 §4.11.2).
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addClient } from '../../src/clients/clients.ts'
import { DocumentHost } from '../support/document-host.ts'
import { TEST } from '../support/origins.ts'
import { PASSWORD, RESOURCE, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'

const EVIL = 'https://evil.example/phish'

let host: DocumentHost
let toolgate: Toolgate
let phisher: string
beforeAll(async () => {
  host = await DocumentHost.start()
  // Behind a proxy, so that these come from many networks: one alone may not begin so many sign-ins.
  const env = { TOOLGATE_TRUSTED_PROXY_HOPS: '1' }
  toolgate = await Toolgate.start({ document_network: host.network, env })
  phisher = (await toolgate.register({ client_name: 'Phish', redirect_uris: [EVIL] })).client_id
})
afterAll(async () => {
  await toolgate.close()
  await host.close()
})

type Parameters = Record<string, string | undefined>

const request = (client_id: string, redirect_uri: string): Record<string, string> => ({
  response_type: 'code',
  client_id,
  redirect_uri,
  code_challenge: createHash('sha256').update('verifier').digest('base64url'),
  code_challenge_method: 'S256',
  resource: RESOURCE,
  scope: 'notes:read',
})

function query(...parameters: Parameters[]): string {
  const sent = Object.entries(Object.assign({}, ...parameters) as Parameters).filter(
    ([, value]) => value !== undefined,
  )
  return `${new URLSearchParams(sent as [string, string][])}`
}

let callers = 0

async function follow(search: string): Promise<{ status: number; location: string; html: string }> {
  callers += 1
  const headers = { 'x-forwarded-for': `10.1.${callers >> 8}.${callers & 255}` }
  const answer = await toolgate.fetch(`/authorize?${search}`, { headers })
  return { status: answer.status, location: answer.headers.get('location') ?? '', html: await answer.text() }
}

/** The browser goes nowhere by itself: not by a redirect, a refresh, a form that sends itself, or a script. */
function staysHere({ status, location, html }: Awaited<ReturnType<typeof follow>>): void {
  expect(location).not.toContain('evil.example')
  expect(html).not.toMatch(/http-equiv="?refresh|<form|<script(?! src="\/)|evil\.example[^<]*<\/script/i)
  if (status < 400) expect(location).toMatch(/^\/interaction\//)
}

const FAULTS: Record<string, Parameters> = {
  'prompt=none': { prompt: 'none' },
  'a prompt that is none': { prompt: 'x' },
  'prompts that exclude each other': { prompt: 'none login' },
  'a response type that is none': { response_type: 'token' },
  'the response type of a hybrid': { response_type: 'code id_token' },
  'no PKCE': { code_challenge: undefined },
  'an empty challenge': { code_challenge: '' },
  'a challenge that is none': { code_challenge: 'x' },
  'a weak PKCE': { code_challenge_method: 'plain' },
  'a resource that is none': { resource: 'https://nowhere.example' },
  'a resource with a fragment': { resource: `${RESOURCE}#x` },
  'a request object': { request: 'x' },
  'a request object elsewhere': { request_uri: 'https://evil.example/request' },
  'a registration': { registration: '{}' },
  'a hint that is no token': { id_token_hint: 'x' },
  'a class that is none': { acr_values: 'x' },
  'claims that are none': { claims: '{' },
  'details that are none': { authorization_details: '[' },
  'an age that is none': { scope: 'openid', max_age: '-1' },
}
const MODES = [undefined, 'query', 'fragment', 'form_post', 'jwt', 'form_post.jwt', 'web_message', 'x']

describe('a link to /authorize of a client that registered itself', () => {
  it(`leads nowhere else: ${Object.keys(FAULTS).length} faults in ${MODES.length} response modes`, async () => {
    for (const fault of Object.values(FAULTS))
      for (const response_mode of MODES)
        staysHere(await follow(query(request(phisher, EVIL), fault, { response_mode })))
  })

  it('leads nowhere else with any parameter left out, empty, or there twice', async () => {
    const whole = { ...request(phisher, EVIL), state: 'a', response_mode: 'query', prompt: 'none' }
    for (const [name, value] of Object.entries(whole)) {
      const again = new URLSearchParams({ [name]: value })
      staysHere(await follow(query(whole, { [name]: undefined })))
      staysHere(await follow(query(whole, { [name]: '' })))
      staysHere(await follow(`${query(whole)}&${again}`))
      staysHere(await follow(`${again}&${again}&${query(whole, { [name]: undefined })}`))
    }
  })

  it('leads nowhere else: 300 requests of any parameters', async () => {
    const name = fc.constantFrom(
      ...[
        'prompt',
        'response_mode',
        'response_type',
        'state',
        'scope',
        'resource',
        'code_challenge',
        'nonce',
      ],
      ...['code_challenge_method', 'max_age', 'claims', 'id_token_hint', 'request', 'ui_locales', 'display'],
    )
    const value = fc.oneof(
      fc.constantFrom(
        'none',
        'login',
        'consent',
        'form_post',
        'fragment',
        'S256',
        'code',
        'openid',
        EVIL,
        '{}',
        '-1',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }), async (more) => {
        const search = `${query(request(phisher, EVIL))}&${new URLSearchParams(more)}`
        const answer = await follow(search)
        expect(answer.status).toBeLessThan(500)
        staysHere(answer)
      }),
      { numRuns: 300 },
    )
  })

  it('shows what was wrong, where it leads, and a link that a person may follow', async () => {
    const { status, html } = await follow(query(request(phisher, EVIL), { prompt: 'none', state: 's' }))
    expect(status).toBe(400)
    expect(html).toContain('login_required')
    expect(html).toContain('You have allowed nothing')
    const [, href = '', text] =
      /<a class="button" href="([^"]*)" rel="noreferrer nofollow">([^<]*)</.exec(html) ?? []
    expect(href).toMatch(/^https:\/\/evil\.example\/phish\?error=login_required/)
    expect(href).toContain('state=s')
    expect(text).toBe('Go on to evil.example')
  })

  it('keeps its own words where it was never to be sent anywhere', async () => {
    const { html } = await follow(
      query(request(phisher, EVIL), { redirect_uri: 'https://evil.example/other' }),
    )
    expect(html).toContain('The app asked to be called back at an address it did not register')
    expect(html).not.toContain('evil.example')
  })

  it('of a client that is known by its document leads nowhere else either', async () => {
    const client_id = host.publish('/client.json', { redirect_uris: [EVIL] })
    for (const fault of Object.values(FAULTS)) staysHere(await follow(query(request(client_id, EVIL), fault)))
  })

  it('says that it is too much for now, and goes nowhere either, when too many sign-ins begin', async () => {
    const begin = () =>
      toolgate.fetch(`/authorize?${query(request(phisher, EVIL))}`, {
        headers: { 'x-forwarded-for': '10.2.0.1' },
      })
    const begun = await Promise.all(Array.from({ length: 60 }, begin))
    expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([303]))
    const refused = await begin()
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('location')]).toEqual([
      503,
      '60',
      null,
    ])
    expect(await refused.text()).toContain('Try again in a minute')
  })

  it('leads to the sign-in, and from there nowhere else until a person acted', async () => {
    const visitor = new Visitor(toolgate.issuer)
    const { url } = authorizationRequest(toolgate.issuer, phisher, { redirect_uri: EVIL })
    const sign_in = await visitor.open(url)
    const [, uid] = /\/interaction\/([^/]+)/.exec(sign_in.url.pathname) ?? []
    const back = await visitor.open(`${toolgate.issuer}/authorize/${uid}?error=x&prompt=none`)
    expect([back.left, back.heading]).toEqual([false, sign_in.heading])
    await expect(visitor.refuse(back)).resolves.toMatchObject({ left: true })
  })
})

describe('what waits for its error gets it as ever', () => {
  const refused = async (client_id: string, redirect_uri: string) =>
    (await follow(query(request(client_id, redirect_uri), { prompt: 'none' }))).location

  it.each([
    'http://127.0.0.1:33418/cb',
    'http://localhost:1/cb',
    'http://[::1]:9/cb',
    'cursor://anysphere/cb',
    'com.example.app:/cb',
  ])('on a device of the person: %s', async (redirect_uri) => {
    const { client_id } = await toolgate.register({
      client_name: 'Local',
      redirect_uris: [redirect_uri, EVIL],
    })
    expect(await refused(client_id, redirect_uri)).toMatch(`${redirect_uri}?error=login_required`)
    expect(await refused(client_id, EVIL)).toBe('')
  })

  it('a client that an operator added', async () => {
    const redirect_uri = 'https://agents.example/cb'
    const added = { name: 'Agents', redirect_uris: [redirect_uri], confidential: false }
    const { client_id } = await addClient(toolgate.dependencies, added, TEST)
    expect(await refused(client_id, redirect_uri)).toContain(`${redirect_uri}?error=login_required`)
  })

  it('a client that somebody here allowed before, and no other that says the same of itself', async () => {
    const redirect_uri = 'https://good.example/cb'
    const metadata = { client_name: 'Good', redirect_uris: [redirect_uri] }
    const { client_id } = await toolgate.register(metadata)
    const namesake = await toolgate.register({ ...metadata, software_version: '2' })
    expect(await refused(client_id, redirect_uri)).toBe('')
    const { person } = await toolgate.account()
    await toolgate.authorize(person(), client_id, { redirect_uri })
    expect(await refused(client_id, redirect_uri)).toContain('error=login_required')
    expect(await refused(namesake.client_id, redirect_uri)).toBe('')
  })

  it('a person who denied: the way back leads to the client', async () => {
    const { username } = await toolgate.account()
    const visitor = new Visitor(toolgate.issuer)
    const { url } = authorizationRequest(toolgate.issuer, phisher, { redirect_uri: EVIL })
    const consent = await visitor.submit(await visitor.open(url), { username, password: PASSWORD })
    const left = await visitor.refuse(consent)
    expect([left.left, left.url.origin]).toEqual([true, 'https://evil.example'])
    expect(left.url.searchParams.get('error')).toBe('access_denied')
  })
})
