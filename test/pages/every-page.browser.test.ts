import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNT_PAGES } from '../../src/pages/account/routes.ts'
import { OPERATOR_PAGES } from '../../src/pages/operator/routes.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { type LivedIn, livedIn } from '../support/lived-in.ts'
import { DOWNLOADS, SAMPLE_ADDRESSES, sampleAddress } from '../support/sample-addresses.ts'
import { PASSWORD } from '../support/toolgate.ts'

/**
 * Every page that the route tables have, in a real browser. With SCREENSHOTS=1 the pictures in docs/screenshots are
 * taken again: every page in light, the front pages in each look; with SCREENSHOTS=all every page in each.
 */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PICTURES = 'docs/screenshots'
const FRONT_PAGES = new Set(['/account', '/operator'])
const PICTURE_HEIGHT_MAX = 960
const PATHS = [
  ...new Set(
    [...OPERATOR_PAGES, ...ACCOUNT_PAGES]
      .filter(({ method, path }) => method === 'get' && !(path in DOWNLOADS))
      .map(({ path }) => path),
  ),
]

const LOOKS = {
  light: { viewport: { width: 1_180, height: 760 } },
  dark: { viewport: { width: 1_180, height: 760 }, colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
} as const
type Look = keyof typeof LOOKS

const launched = await launchBrowser()
const is_missing = 'reason' in launched
const browser = launched as Browser
let seed: LivedIn
const contexts = new Map<Look, BrowserContext>()

beforeAll(async () => {
  if (is_missing) return
  seed = await livedIn()
  for (const look of Object.keys(LOOKS) as Look[]) contexts.set(look, await signedIn(look))
})
afterAll(async () => {
  if (is_missing) return
  await browser.close()
  await seed.toolgate.close()
})

async function signedIn(look: Look): Promise<BrowserContext> {
  const context = await browser.newContext(LOOKS[look])
  const page = await context.newPage()
  await page.goto(`${seed.toolgate.issuer}/sign-in`)
  await page.getByLabel('Username').fill(seed.ada.username)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Connected apps', level: 1 }).waitFor()
  await page.close()
  return context
}

function contextOf(look: Look): BrowserContext {
  const context = contexts.get(look)
  if (!context) throw new Error(`nobody is signed in for ${look}`)
  return context
}

/** What somebody would stumble over who does not see, or not as most do. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  }
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`))
}

async function keepPicture(page: Page, path: string, look: Look): Promise<void> {
  const { SCREENSHOTS } = process.env
  if (!SCREENSHOTS || (SCREENSHOTS !== 'all' && look !== 'light' && !FRONT_PAGES.has(path))) return
  const name = path.slice(1).replaceAll(/:\w+/g, 'one').replaceAll('/', '-')
  const height = (await page.evaluate('document.documentElement.scrollHeight')) as number
  const { width } = LOOKS[look].viewport
  const picture = await page.screenshot({
    fullPage: true,
    clip: { x: 0, y: 0, width, height: Math.min(height, PICTURE_HEIGHT_MAX) },
  })
  mkdirSync(PICTURES, { recursive: true })
  writeFileSync(`${PICTURES}/${name}${look === 'light' ? '' : `-${look}`}.png`, picture)
}

/** What is answered to somebody who is signed in, and as what. */
async function contentType(address: string): Promise<string | null> {
  const [session] = await contextOf('light').cookies(seed.toolgate.issuer)
  const response = await fetch(seed.toolgate.issuer + address, {
    headers: { cookie: `${session?.name}=${session?.value}` },
  })
  await response.body?.cancel()
  expect([address, response.status]).toEqual([address, 200])
  return response.headers.get('content-type')
}

async function look(path: string, address: string, as: Look): Promise<void> {
  const page = await contextOf(as).newPage()
  const complaints = complaintsOf(page)
  const answer = await page.goto(seed.toolgate.issuer + address)
  expect([address, answer?.status()]).toEqual([address, 200])
  expect(answer?.headers()['content-security-policy']).toMatch(/^default-src 'none'/)
  expect.soft(await page.locator('h1').count()).toBe(1)
  expect.soft(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
  expect.soft(await barriers(page)).toEqual([])
  expect.soft(complaints).toEqual([])
  await keepPicture(page, path, as)
  await page.close()
}

describe.skipIf(is_missing)(`every page${is_missing ? ` (skipped: ${launched.reason})` : ''}`, () => {
  it('has an address to look at', () => {
    const named = (path: string) => path in SAMPLE_ADDRESSES || !path.includes(':')
    expect(PATHS.filter((path) => !named(path))).toEqual([])
  })

  it.each(PATHS)('%s: nothing in the way of anybody, light, dark and on a phone', async (path) => {
    const address = sampleAddress(path, seed)
    if (address === undefined) throw new Error(`nobody said how to get to ${path}`)
    for (const as of Object.keys(LOOKS) as Look[]) await look(path, address, as)
  })

  it.each(Object.values(DOWNLOADS))('%s is no page', async (address) => {
    expect(await contentType(address)).not.toContain('html')
  })

  it('an error keeps the way around', async () => {
    const page = await contextOf('light').newPage()
    await page.goto(`${seed.toolgate.issuer}/account/apps/gr_none`)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Not Found')
    expect(await barriers(page)).toEqual([])
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByRole('heading', { name: 'Activity', level: 1 }).waitFor()
    await page.close()
  })
})
