import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'

/** Releases of one app differ in the loopback name they use, and pick a free port each time. */
let toolgate: Toolgate
let native: string
let web: string
let username: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  native = (await toolgate.register({ redirect_uris: ['http://localhost:3118/callback'] })).client_id
  web = (await toolgate.register({ redirect_uris: ['https://app.example/callback'] })).client_id
  username = (await toolgate.account()).username
})
afterAll(() => toolgate.close())

describe('a native client that registered http://localhost:3118/callback', () => {
  it.each([
    'http://localhost:3118/callback',
    'http://localhost/callback',
    'http://127.0.0.1:55555/callback',
    'http://[::1]:55555/callback',
  ])('gets its code at %s, after a person has clicked', async (redirect_uri) => {
    const browser = new Visitor(toolgate.issuer)
    const { url, code_verifier } = authorizationRequest(toolgate.issuer, native, { redirect_uri })
    const consent = await browser.submit(await browser.open(url), { username, password: PASSWORD })
    expect(consent.heading).toContain('wants to use')
    expect(consent.html).toContain(new URL(redirect_uri).host)
    const back = await browser.submit(consent, {}, ['notes:read'])
    expect(back.url.href.startsWith(`${redirect_uri}?`)).toBe(true)
    const code = back.url.searchParams.get('code') ?? ''

    const elsewhere = { redirect_uri: 'http://localhost:1/callback' }
    expect((await toolgate.redeem(native, code, code_verifier, elsewhere)).status).toBe(400)
    expect((await toolgate.redeem(native, code, code_verifier, { redirect_uri })).status).toBe(200)
  })

  it('gets no second code without another click, although the person is signed in and said yes', async () => {
    const browser = new Visitor(toolgate.issuer)
    const request = (more: Record<string, string> = {}) =>
      authorizationRequest(toolgate.issuer, native, { redirect_uri: 'http://127.0.0.1:1/callback', ...more })
    const consent = await browser.submit(await browser.open(request().url), { username, password: PASSWORD })
    await browser.submit(consent, {}, ['notes:read'])
    expect((await browser.open(request().url)).heading).toContain('wants to use')
    const silent = await browser.open(request({ prompt: 'none' }).url)
    expect([silent.left, silent.url.searchParams.get('error')]).toEqual([true, 'interaction_required'])
  })

  it.each([
    'http://localhost:3118/other',
    'https://localhost:3118/callback',
    'http://localhost.evil.example:3118/callback',
    'http://127.0.0.2:3118/callback',
    'http://localhost@evil.example/callback',
  ])('is never sent to %s', async (redirect_uri) => {
    const { url } = authorizationRequest(toolgate.issuer, native, { redirect_uri })
    const page = await new Visitor(toolgate.issuer).open(url)
    expect([page.left, page.status]).toEqual([false, 400])
    expect(page.html).toContain('an address it did not register')
  })
})

describe('a web client', () => {
  it.each([
    'http://localhost:3118/callback',
    'https://app.example:8443/callback',
    'https://app.example/callback/',
  ])('is never sent to %s', async (redirect_uri) => {
    const { url } = authorizationRequest(toolgate.issuer, web, { redirect_uri })
    const page = await new Visitor(toolgate.issuer).open(url)
    expect([page.left, page.status]).toEqual([false, 400])
  })
})
