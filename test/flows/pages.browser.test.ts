import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { PASSWORD, RESOURCE, Toolgate } from '../support/toolgate.ts'
import { type AuthorizationRequest, authorizationRequest } from '../support/visitor.ts'

const SCOPE = 'notes:read notes:write notes:delete'
const SCREENSHOTS = 'docs/screenshots'

const launched = await launchBrowser()
const is_missing = 'reason' in launched
const browser = launched as Browser
const suite = is_missing ? `the pages in Chromium (not run: ${launched.reason})` : 'the pages in Chromium'

// The report folds skipped tests away; whoever reads the run shall know what it did not prove.
if (is_missing) process.stderr.write(`The browser tests are not run: ${launched.reason}\n`)

let toolgate: Toolgate
/** Stands for the client, which waits for the code on a port of the person's own computer. */
let client: Server
let redirect_uri: string
let arrived: URLSearchParams[]

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://client')
    if (pathname === '/callback') arrived.push(searchParams)
    response.setHeader('content-type', 'text/html').end('<link rel="icon" href="data:,"><h1>Connected</h1>')
  })
  await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve))
  redirect_uri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`
})
afterAll(async () => {
  if (!is_missing) await browser.close()
  client.close().closeAllConnections()
  await toolgate.close()
})

/** A page of a browser of its own: nobody is signed in. */
async function open(options: Parameters<Browser['newContext']>[0] = {}) {
  arrived = []
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const policies: (string | undefined)[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(toolgate.issuer))
      policies.push(response.headers()['content-security-policy'])
  })
  return { page, policies, complaints: complaintsOf(page), close: () => context.close() }
}

async function newRequest(
  metadata: Record<string, unknown> = {},
): Promise<AuthorizationRequest & { id: string }> {
  const uris = { redirect_uris: [redirect_uri], ...metadata }
  const { client_id } = await toolgate.register({ client_name: 'Claude', ...uris })
  const [uri] = uris.redirect_uris as string[]
  const parameters = { redirect_uri: uri, scope: SCOPE, resource: RESOURCE }
  return { ...authorizationRequest(toolgate.issuer, client_id, parameters), id: client_id }
}

const focused = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement.value || document.activeElement.textContent.trim()')

/** Tab by Tab, as somebody without a mouse goes; throws when the keyboard does not get there. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  for (let step = 0; step < 20; step++) {
    if ((await focused(page)) === wanted) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not reach ${wanted}`)
}

async function signInByKeyboard(page: Page, username: string, password = PASSWORD): Promise<void> {
  // The page itself puts the cursor there.
  await page.locator('#username:focus').waitFor()
  await page.keyboard.type(username)
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
}

describe.skipIf(is_missing)(suite, () => {
  it('lead from the sign-in to the client by keyboard alone, under the strict policy and without a complaint', async () => {
    const { username } = await toolgate.account()
    const { page, policies, complaints, close } = await open()
    const { url, code_verifier, id } = await newRequest()

    await page.goto(url.href)
    await signInByKeyboard(page, username)
    await page.getByRole('heading', { name: 'Claude wants to use Notes' }).waitFor()
    await tabTo(page, 'notes:write')
    await page.keyboard.press('Space')
    await tabTo(page, 'Allow')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Connected' }).waitFor()

    expect(arrived.map((each) => Object.fromEntries(each))).toEqual([
      { code: expect.any(String), iss: toolgate.issuer, state: 'state-of-the-client' },
    ])
    const code = arrived[0]?.get('code') ?? ''
    const redeemed = await toolgate.redeem(id, code, code_verifier, { redirect_uri })
    expect(await redeemed.json()).toMatchObject({ scope: 'notes:read' })
    expect(complaints).toEqual([])
    expect(policies.length).toBeGreaterThan(3)
    for (const policy of policies) expect(policy).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/)
    await close()
  })

  it('bring a denial to the client by keyboard alone', async () => {
    const { username } = await toolgate.account()
    const { page, complaints, close } = await open()
    await page.goto((await newRequest()).url.href)
    await signInByKeyboard(page, username)
    await page.getByRole('heading', { name: 'Claude wants to use Notes' }).waitFor()
    await tabTo(page, 'Deny')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Connected' }).waitFor()
    expect(arrived.map((each) => each.get('error'))).toEqual(['access_denied'])
    expect(arrived[0]?.get('iss')).toBe(toolgate.issuer)
    expect(complaints).toEqual([])
    await close()
  })

  it('tell of a wrong password aloud and put the cursor where it is needed', async () => {
    const { username } = await toolgate.account()
    const { page, close } = await open()
    await page.goto((await newRequest()).url.href)
    await signInByKeyboard(page, username, 'not this one')
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await alert.textContent()).toContain('That username and password do not match.')
    expect(await page.getByLabel('Username').inputValue()).toBe(username)
    expect(await page.getByLabel('Password').inputValue()).toBe('')
    await page.locator('#password:focus').waitFor()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Claude wants to use Notes' }).waitFor()
    expect(arrived).toEqual([])
    await close()
  })

  it('do not come back to life by the Back button after the decision', async () => {
    const { username } = await toolgate.account()
    const { page, close } = await open()
    await page.goto((await newRequest()).url.href)
    await signInByKeyboard(page, username)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Connected' }).waitFor()
    await page.goBack()
    expect(await page.getByRole('button', { name: 'Allow' }).count()).toBe(0)
    expect(arrived).toHaveLength(1)
    await close()
  })
})

/** Pictures for the README: taken again when one is missing, so delete one to renew it. */
function keep(name: string, picture: Buffer): void {
  const file = `${SCREENSHOTS}/${name}.png`
  if (existsSync(file)) return
  mkdirSync(SCREENSHOTS, { recursive: true })
  writeFileSync(file, picture)
}

describe.skipIf(is_missing)(`how ${suite} look`, () => {
  const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
  const NARROWEST = { viewport: { width: 320, height: 568 } }
  beforeAll(() => toolgate.account(['editor'], 'grace'))

  const WEB = 'https://claude.ai/api/mcp/auth_callback'

  it.each([
    ['consent', WEB, {}],
    ['consent-loopback', 'http://127.0.0.1:33418/callback', {}],
    ['consent-app', 'cursor://anysphere.cursor-mcp/oauth/callback', {}],
    ['consent-dark', WEB, { colorScheme: 'dark' as const }],
    ['consent-phone', WEB, PHONE],
    ['consent-narrowest', WEB, NARROWEST],
  ])('%s: all three scopes are in the picture, and nothing is cut off', async (name, sent_to, options) => {
    const { page, close } = await open({ deviceScaleFactor: 2, ...options })
    await page.goto((await newRequest({ redirect_uris: [sent_to] })).url.href)
    if (name === 'consent') {
      await page.getByLabel('Username').fill('grace')
      await page.getByLabel('Password').focus()
      keep('login', await page.screenshot({ fullPage: true, caret: 'hide' }))
    }
    await page.getByLabel('Username').fill('grace')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Claude wants to use Notes' }).waitFor()
    expect(await page.getByRole('checkbox').count()).toBe(3)
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    expect(overflow).toBe(0)
    const picture = await page.screenshot({ fullPage: true })
    if (name !== 'consent-narrowest') keep(name, picture)
    await close()
  })
})
