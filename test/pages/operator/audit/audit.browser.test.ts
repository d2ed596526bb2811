import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decided } from '../../../audit/rows.ts'
import { complaintsOf, launchBrowser } from '../../../support/browser.ts'
import { PASSWORD, Toolgate } from '../../../support/toolgate.ts'

const HOSTILE = '"><img src=x onerror="document.title=1">'

const launched = await launchBrowser()
const is_missing = 'reason' in launched
const browser = launched as Browser
if (is_missing) process.stderr.write(`The browser tests are not run: ${launched.reason}\n`)

let toolgate: Toolgate

beforeAll(async () => {
  toolgate = await Toolgate.start()
  await toolgate.app.audit.append(Array.from({ length: 60 }, (_, index) => decided(index)))
})
afterAll(async () => {
  if (!is_missing) await browser.close()
  await toolgate.close()
})

async function open(options: { javaScriptEnabled?: boolean } = {}): Promise<{
  page: Page
  complaints: string[]
  username: string
}> {
  const { username } = await toolgate.account(['auditor'])
  const page = await (await browser.newContext(options)).newPage()
  const complaints = complaintsOf(page)
  await page.goto(`${toolgate.issuer}/sign-in?return_to=/operator/audit`)
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Audit log' }).waitFor()
  return { page, complaints, username }
}

const firstRow = (page: Page) => page.locator('#events tr').first()

async function violations(page: Page): Promise<string[]> {
  // Past the policy, which lets no script in but ours.
  await page.evaluate(axe.source)
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; impact: string }[] }
  return found.violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, impact }) => `${id} (${impact})`)
}

describe.skipIf(is_missing)('the audit log in Chromium', () => {
  it('is followed live by keyboard, paused, and told as text, under the strict policy', async () => {
    const { page, complaints } = await open()
    await page.getByRole('button', { name: 'Follow live' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Following: new events appear on top.').waitFor()
    await toolgate.app.audit.append({ ...decided(1), tool: HOSTILE })
    await expect.poll(() => firstRow(page).textContent()).toContain(HOSTILE)
    expect(await page.locator('#events img').count()).toBe(0)

    await page.getByRole('button', { name: 'Pause' }).press('Enter')
    await toolgate.app.audit.append(decided(500))
    await page.getByText('Paused; 1 new events wait.').waitFor()
    expect(await firstRow(page).textContent()).toContain(HOSTILE)
    await page.getByRole('button', { name: 'Go on' }).press('Enter')
    await expect.poll(() => firstRow(page).textContent()).toContain('tool_500')

    await toolgate.app.audit.append(Array.from({ length: 300 }, (_, index) => decided(600 + index)))
    await expect.poll(() => firstRow(page).textContent()).toContain('tool_899')
    expect(await page.locator('#events tr').count()).toBe(200)

    await page.getByRole('button', { name: 'Stop following' }).press('Enter')
    await expect.poll(() => toolgate.app.feed.followers, { timeout: 10_000 }).toBe(0)
    expect(complaints.filter((text) => !text.includes('ERR_ABORTED'))).toEqual([])
    expect(await page.title()).toBe('Audit log · Toolgate')
    await page.context().close()
  })

  it('has no serious fault of accessibility on any of its pages', async () => {
    const { page, username } = await open()
    const link = await page.locator('#events a').first().getAttribute('href')
    for (const path of [
      '/operator/audit',
      link!,
      `/operator/audit/story/${username}`,
      '/operator/audit/verify',
    ]) {
      await page.goto(toolgate.issuer + path)
      expect({ path, found: await violations(page) }).toEqual({ path, found: [] })
    }
    await page.context().close()
  })

  it('is complete without scripts', async () => {
    const { page } = await open({ javaScriptEnabled: false })
    expect(await page.locator('#events tr').count()).toBe(50)
    expect(await page.getByRole('button', { name: 'Follow live' }).count()).toBe(0)
    await page.getByRole('link', { name: 'Older' }).click()
    await page.getByRole('link', { name: 'Newest' }).waitFor()
    await page.getByRole('link', { name: 'Verify the log' }).click()
    await page.getByRole('button', { name: 'Verify this period' }).click()
    await page.getByText('The log is whole').waitFor()
    await page.context().close()
  })
})
