import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import chromium from '@sparticuz/chromium'
import Koa from 'koa'
import { pino } from 'pino'
import { type Browser, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertSameOrigin } from '../../src/http/csrf.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { readForm } from '../../src/http/read-body.ts'
import { createRenderer } from '../../src/http/render.ts'
import { securityHeaders } from '../../src/http/security-headers.ts'
import { staticFiles } from '../../src/http/static-files.ts'

const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>"\'>'

/** Stands for the web application of a client: it opens a popup and sees whether its callback can report back. */
const CLIENT = `<title>client</title><button onclick="window.open(location.hash.slice(1))">connect</button>
<p id="opener"></p><script>document.getElementById('opener').textContent = String(Boolean(window.opener))</script>`

const scope = (name: string, destructive: boolean) => ({
  name,
  description: `May ${name} ${HOSTILE}`,
  tools: [`${name}_tool`, HOSTILE],
  includes: [HOSTILE],
  destructive,
  checked: true,
})
const consent = {
  csrf: 'token',
  action: '/interaction/uid/consent',
  abort_action: '/interaction/uid/abort',
  username: HOSTILE,
  client: { name: HOSTILE, host: HOSTILE, named_by: 'itself' },
  receiver: { kind: 'app', name: HOSTILE },
  warnings: ['app', 'elsewhere'],
  resource: { name: HOSTILE, identifier: HOSTILE },
  scopes: [scope('read', false), scope('delete', true)],
  unavailable: [{ name: HOSTILE, description: HOSTILE }],
  catalogue_version: 3,
  growth: [{ kind: 'tools', name: HOSTILE, what: 'new' }],
}

let servers: Server[]
let browser: Browser
let origin: string
let client_origin: string
let received: { path: string; form: object; origin: string | undefined }[]

async function listen(handler: Parameters<typeof createServer>[1]): Promise<[Server, string]> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return [server, `:${(server.address() as AddressInfo).port}`]
}

beforeAll(async () => {
  const render = createRenderer()
  const koa = new Koa()
  koa.use(securityHeaders({ issuer: 'http://localhost' }))
  koa.use(errorHandler({ log: pino({ level: 'silent' }), render }))
  koa.use(staticFiles())
  koa.use(async (ctx) => {
    if (ctx.method === 'POST') {
      assertSameOrigin(ctx, origin)
      const form = await readForm(ctx, { multiple: ['scope'] })
      received.push({ path: ctx.path, form: form.toObject(), origin: ctx.req.headers.origin })
      ctx.body = render('continue', { url: `${client_origin}/cb?code=abc`, client_name: HOSTILE })
    } else if (ctx.path === '/authorize') ctx.redirect('/interaction/uid')
    else if (ctx.path === '/interaction/uid') ctx.body = render('consent', consent)
  })
  const [server, port] = await listen(koa.callback())
  const [client, client_port] = await listen((_, res) => {
    res.setHeader('Content-Type', 'text/html').end(CLIENT)
  })
  servers = [server, client]
  origin = `http://localhost${port}`
  client_origin = `http://127.0.0.1${client_port}`
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
  })
})
afterAll(async () => {
  await browser?.close()
  for (const server of servers ?? []) server.close().closeAllConnections()
})

async function open(width = 360): Promise<{ page: Page; complaints: string[] }> {
  received = []
  const page = await browser.newPage({ viewport: { width, height: 700 } })
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints }
}

describe('the pages in Chromium', () => {
  it('allow: sends what is still ticked, from our own origin, and arrives at the client', async () => {
    const { page, complaints } = await open()
    await page.goto(`${origin}/interaction/uid`)
    await page.getByRole('checkbox', { name: /May delete/ }).uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${client_origin}/cb?code=abc`)
    expect(received).toEqual([
      { path: consent.action, form: { csrf: 'token', catalogue_version: '3', scope: ['read'] }, origin },
    ])
    expect(complaints).toEqual([])
    await page.close()
  })

  it('deny: works by keyboard and sends no scope', async () => {
    const { page } = await open()
    await page.goto(`${origin}/interaction/uid`)
    await page.getByRole('button', { name: 'Deny' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`${client_origin}/cb?code=abc`)
    expect(received).toEqual([{ path: consent.abort_action, form: { csrf: 'token' }, origin }])
    await page.close()
  })

  it('hostile names make no element, and nothing is wider than a small phone', async () => {
    const { page, complaints } = await open()
    await page.goto(`${origin}/interaction/uid`)
    expect(await page.locator('img, script').count()).toBe(0)
    expect(await page.title()).toBe('Allow access · Toolgate')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(HOSTILE)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('a client that opened us in a popup still hears from its callback', async () => {
    const { page } = await open()
    await page.goto(`${client_origin}/#${origin}/authorize`)
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByText('connect').click()])
    await popup.getByRole('button', { name: 'Allow' }).click()
    await popup.waitForURL(`${client_origin}/cb?code=abc`)
    expect(await popup.locator('#opener').textContent()).toBe('true')
    await page.close()
  })

  it('a page of another origin cannot frame us', async () => {
    const { page, complaints } = await open()
    await page.goto(client_origin)
    const blocked = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('iframe'), { src: '${origin}/interaction/uid' }))`,
    )
    await blocked
    expect(complaints.join()).toContain('frame-ancestors')
    await page.close()
  })
})
