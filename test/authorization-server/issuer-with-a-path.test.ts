import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, REDIRECT_URI, RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'

let toolgate: Toolgate
let client_id: string
beforeAll(async () => {
  toolgate = await Toolgate.start({ path: '/tenants/one' })
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

describe('discovery', () => {
  const NAMES = ['oauth-authorization-server', 'openid-configuration']

  it.each(NAMES)('%s is where RFC 8414 inserts it and where OpenID Connect appends it', async (name) => {
    const inserted = await toolgate.fetchAtRoot(`/.well-known/${name}/tenants/one`)
    const appended = await toolgate.fetchAtRoot(`/tenants/one/.well-known/${name}`)
    expect([inserted.status, appended.status]).toEqual([200, 200])
    expect(inserted.headers.get('cache-control')).toBe('public, max-age=300')
    const document = (await inserted.json()) as Record<string, unknown>
    expect(await appended.json()).toEqual(document)
    expect(document.issuer).toBe(toolgate.issuer)
    const addresses = Object.entries(document).filter(([key]) => /_(endpoint|uri)$/.test(key))
    expect(addresses.length).toBeGreaterThanOrEqual(6)
    for (const [key, address] of addresses) {
      expect([key, address]).toEqual([key, expect.stringMatching(`^${toolgate.issuer}/[a-z/]+$`)])
      const { status } = await toolgate.fetchAtRoot(new URL(String(address)).pathname, { method: 'DELETE' })
      expect([key, status]).toEqual([key, 405])
    }
  })

  it.each([...NAMES.map((name) => `/.well-known/${name}`), '/token', '/introspect', '/authorize', '/jwks'])(
    'there is no %s outside of the path',
    async (path) => {
      const answers = await Promise.all(
        ['GET', 'POST'].map((method) => toolgate.fetchAtRoot(path, { method })),
      )
      expect(answers.map(({ status }) => status)).toEqual([404, 404])
    },
  )

  it('addresses come from the issuer, whatever the request says about host and protocol', async () => {
    const proxied = await Toolgate.start({ beside: toolgate, env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
    const path = '/.well-known/oauth-authorization-server'
    const plain = await (await proxied.fetch(path)).json()
    const headers = { 'x-forwarded-port': '1', forwarded: 'host=evil.example;proto=https' }
    expect(await (await proxied.fetch(path, { headers })).json()).toEqual(plain)
    const other = await proxied.fetch(path, { headers: { 'x-forwarded-host': 'evil.example' } })
    expect(other.status).toBe(421)
    expect((await proxied.fetch(path, { headers: { 'x-forwarded-proto': 'https' } })).status).toBe(400)
    expect((await toolgate.fetch(path, { headers: { host: 'evil.example' } })).status).toBe(421)
    await proxied.close()
  })
})

describe('the whole flow', () => {
  it('goes through pages, styles and cookies below the path, and names the issuer byte for byte', async () => {
    const { id, username } = await toolgate.account()
    const browser = new Visitor(toolgate.issuer)
    const { url, code_verifier } = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read' })

    const sign_in = await browser.open(url)
    expect([sign_in.heading, sign_in.url.pathname]).toEqual([
      'Sign in',
      expect.stringMatching('^/tenants/one/interaction/'),
    ])
    const assets = [...sign_in.html.matchAll(/<link[^>]*href="([^"]*)"/g)].map(([, href]) => href ?? '')
    expect(assets).toHaveLength(2)
    for (const asset of assets) expect((await toolgate.fetchAtRoot(asset)).status).toBe(200)

    const consent = await browser.submit(sign_in, { username, password: PASSWORD })
    expect(consent.heading).toContain('wants to use')
    const back = await browser.submit(consent, {}, ['notes:read'])
    expect(back.url.href.startsWith(`${REDIRECT_URI}?`)).toBe(true)
    expect(back.url.searchParams.get('iss')).toBe(toolgate.issuer)

    const code = back.url.searchParams.get('code') ?? ''
    const answer = await toolgate.redeem(client_id, code, code_verifier)
    const tokens = (await answer.json()) as Tokens
    expect(tokens).toMatchObject({ scope: 'notes:read', refresh_token: expect.any(String) })

    const credentials = await toolgate.resourceServer()
    const active = { active: true, iss: toolgate.issuer, sub: id, aud: RESOURCE }
    expect(await toolgate.introspect(credentials, tokens.access_token)).toMatchObject(active)
    const refreshed = (await (await toolgate.refresh(client_id, tokens.refresh_token)).json()) as Tokens
    expect(await toolgate.introspect(credentials, refreshed.access_token)).toMatchObject(active)

    const operator = await toolgate.operatorToken()
    const headers = { authorization: `Bearer ${operator.token}` }
    const grants = await toolgate.fetch('/operator/api/v1/grants', { headers })
    expect(await grants.json()).toMatchObject({ grants: [{ account_id: id, client_id }] })
    expect((await toolgate.post('/revoke', { token: refreshed.refresh_token, client_id })).status).toBe(200)
    expect(await toolgate.introspect(credentials, refreshed.access_token)).toEqual({ active: false })
  })

  it('keeps every cookie below the path', async () => {
    const { url } = authorizationRequest(toolgate.issuer, client_id)
    const response = await new Visitor(toolgate.issuer).request(url)
    const paths = response.headers.getSetCookie().map((line) => /;\s*path=([^;]*)/i.exec(line)?.[1])
    expect(paths.length).toBeGreaterThanOrEqual(2)
    for (const path of paths) expect(path).toMatch(/^\/tenants\/one(\/|$)/)
  })

  it('lets a second window of the same browser go on without signing in, and asks for consent again', async () => {
    const { username } = await toolgate.account()
    const browser = new Visitor(toolgate.issuer)
    const request = () => authorizationRequest(toolgate.issuer, client_id).url
    await browser.submit(await browser.open(request()), { username, password: PASSWORD })
    expect((await browser.open(request())).heading).toContain('wants to use')
  })
})

it('pages may open in a popup, and documents may be kept, as without a path', async () => {
  const page = await toolgate.fetch('/authorize')
  expect(page.headers.get('cross-origin-opener-policy')).toBe('unsafe-none')
  const keys = await toolgate.fetch('/jwks')
  expect(keys.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  expect(keys.headers.get('cache-control')).not.toBe('no-store')
})
