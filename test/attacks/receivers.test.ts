// A client that anybody registered: it chooses where codes go and what it is called, and must choose neither what the page
// vouches for nor where a browser is sent.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nameFault } from '../../src/clients/registration/client-name.ts'
import { receiverOf } from '../../src/clients/registration/receiver.ts'
import { redirectUriFault } from '../../src/clients/registration/redirect-uris.ts'
import { redirectUrisOf, shapesOf } from '../../src/doctor/clients/client-facts.ts'
import { FAMILIES } from '../../src/doctor/clients/index.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start({
    env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '10000', TOOLGATE_APP_SCHEMES: 'house-app' },
  })
})
afterAll(() => toolgate.close())

const code_challenge = createHash('sha256').update('verifier').digest('base64url')
const authorize = (client_id: string, redirect_uri: string, more: Record<string, string> = {}) =>
  toolgate.fetch(
    `/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri,
      code_challenge,
      code_challenge_method: 'S256',
      resource: RESOURCE,
      scope: 'notes:read',
      ...more,
    })}`,
  )
const register = (body: object) =>
  toolgate.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** Schemes that do something else with an address than hand it to an app of the client's makers. */
const OTHERS =
  'javascript data file blob vbscript about view-source filesystem mailto ftp sftp ws wss tel sms intent chrome chrome-extension moz-extension edge resource jar ldap ldaps ssh git telnet gopher urn search-ms ms-msdt ms-word ms-excel ms-officecmd ms-settings steam android-app market itms-services feed applescript web+x web+claude evilapp x cid mid news nntp irc xmpp bitcoin magnet tg whatsapp slack zoommtg facetime maps shell callto sip skype onenote res'.split(
    ' ',
  )

describe('a scheme', () => {
  it.each(OTHERS)('%s: is not registered, whatever stands behind it', async (scheme) => {
    for (const rest of ['//claude.ai/api/mcp/auth_callback', ':x', '/cb', 'query=x', '//localhost/cb'])
      expect(redirectUriFault(`${scheme}:${rest}`)).toBeDefined()
    expect((await register({ client_name: 'x', redirect_uris: [`${scheme}://claude.ai/cb`] })).status).toBe(
      400,
    )
  })

  it('of an app is a reversed domain name, a known app, or one that operators know', () => {
    for (const scheme of ['com.example.app', 'dev.zed.preview', 'io.github.me', 'cursor', 'vscode-insiders'])
      expect(redirectUriFault(`${scheme}:/cb`)).toBeUndefined()
    expect(redirectUriFault('house-app:/cb')).toMatch(/reversed/)
    expect(redirectUriFault('house-app:/cb', ['house-app'])).toBeUndefined()
  })

  it('that operators know is registered', async () => {
    expect((await register({ client_name: 'x', redirect_uris: ['house-app://cb'] })).status).toBe(201)
  })

  it('and every other address of a client that is known passes', () => {
    const known = Object.values(FAMILIES).flat().flatMap(shapesOf).flatMap(redirectUrisOf)
    expect(known.length).toBeGreaterThan(50)
    expect(known.filter((uri) => redirectUriFault(uri) !== undefined)).toEqual([])
  })

  it('that is registered never shows a host: 1,000 schemes with the address of Claude behind', () => {
    const scheme = fc.stringMatching(/^[a-z][a-z0-9+.-]{0,20}$/).filter((text) => !/^https?$/.test(text))
    fc.assert(
      fc.property(scheme, (text) => {
        const uri = `${text}://claude.ai/api/mcp/auth_callback`
        if (redirectUriFault(uri) !== undefined) return
        expect(receiverOf(uri)).toEqual({ kind: 'app', scheme: `${text}:` })
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('an address that is not in its normal form', () => {
  it.each([
    'https:evil.example/cb',
    'https:/evil.example/cb',
    'https:///evil.example/cb',
    'http:/localhost/cb',
    'https://evil.example/\u202ecb',
    'https://evil.example/a/../cb',
    'https://evil.example/%2e%2e/cb',
    'https://аррӏе.com/cb',
    'https://app.example:8443\\@evil.example/cb',
    'https://app.example/cb?x=<script>',
    'http://0x7f.1/cb',
    'http://2130706433/cb',
  ])('%s is refused', (uri) => {
    expect(redirectUriFault(uri)).toBeDefined()
  })
})

describe('a name', () => {
  it.each([
    'Claude ✅ Verified',
    'Claude ✔',
    'Claude wants to use Notes. Verified host',
    'Official Claude',
    'Toolgate operator',
    'Сlaude',
    'Cursоr',
    'ΑI Studio Αpp',
    'ＶＥＲＩＦＩＥＤ app',
    'trusted-app',
    'Claude\u202e',
    'Claude ®',
  ])('%s is refused', async (client_name) => {
    expect(nameFault(client_name)).toBeDefined()
    expect((await register({ client_name, redirect_uris: ['https://app.example/cb'] })).status).toBe(400)
  })

  it.each([
    'Claude',
    'Claude Code (notes)',
    'Клод',
    'Κλωντ',
    '克劳德 Claude',
    'クロード Claude Code',
    'Überschrift 2',
    'Insecurely',
    'Klaud 2 и Клод',
    '🐈 Cat',
  ])('%s is taken', (client_name) => {
    expect(nameFault(client_name)).toBeUndefined()
  })
})

describe('a browser that follows a link to /authorize', () => {
  const WEB = 'https://evil.example/phish'
  const FAULTS: [string, Record<string, string>][] = [
    ['prompt=none', { prompt: 'none' }],
    ['a response type that is none', { response_type: 'token' }],
    ['a prompt that is none', { prompt: 'x' }],
    ['no PKCE', { code_challenge: '' }],
    ['a weak PKCE', { code_challenge_method: 'plain' }],
    ['a resource that is none', { resource: 'https://nowhere.example' }],
    ['a response mode that is none', { response_mode: 'x' }],
    ['a response mode of a page', { response_mode: 'form_post', prompt: 'none' }],
    ['a response mode of a fragment', { response_mode: 'fragment', prompt: 'none' }],
    ['a request object', { request: 'x' }],
    ['a scope that is none', { scope: 'nothing:such', prompt: 'none' }],
  ]

  it.each(FAULTS)('is not sent on to a client that registered itself, with %s', async (_, more) => {
    const { client_id } = await toolgate.register({ client_name: 'Phish', redirect_uris: [WEB] })
    const answer = await authorize(client_id, WEB, more)
    const page = await answer.text()
    expect(answer.headers.get('location') ?? '').not.toContain('evil.example')
    if (answer.status < 400) return expect(page).not.toContain('evil.example')
    expect(page).not.toMatch(/http-equiv="refresh"|<form|<script/)
  })

  it('gets a page with a link', async () => {
    const { client_id } = await toolgate.register({ client_name: 'Phish', redirect_uris: [WEB] })
    const page = await (await authorize(client_id, WEB, { prompt: 'none' })).text()
    expect(page).toContain('You have allowed nothing')
    expect(page).toMatch(
      /<a class="button" href="https:\/\/evil\.example\/phish\?error=login_required[^"]*" rel="noreferrer nofollow">/,
    )
  })

  it('is sent on to a program of its own computer and to an app, which wait for the error', async () => {
    for (const redirect_uri of ['http://127.0.0.1:33418/cb', 'cursor://anysphere/cb']) {
      const { client_id } = await toolgate.register({ client_name: 'Local', redirect_uris: [redirect_uri] })
      const answer = await authorize(client_id, redirect_uri, { prompt: 'none' })
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toContain('error=login_required')
    }
  })

  it('is sent on to a client that somebody here allowed before', async () => {
    const redirect_uri = 'https://app.example/cb'
    const { client_id } = await toolgate.register({ client_name: 'Good', redirect_uris: [redirect_uri] })
    expect((await authorize(client_id, redirect_uri, { prompt: 'none' })).status).toBe(400)
    const { person } = await toolgate.account()
    await toolgate.authorize(person(), client_id, { redirect_uri })
    const answer = await authorize(client_id, redirect_uri, { prompt: 'none' })
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      expect.stringContaining('error=login_required'),
    ])
  })
})
