import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { complaintsOf, launchBrowser } from '../../support/browser.ts'
import { PASSWORD, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let browser: Browser | undefined
let unavailable = ''

beforeAll(async () => {
  const launched = await launchBrowser()
  if ('reason' in launched) unavailable = launched.reason
  else browser = launched
  toolgate = await Toolgate.start()
})
afterAll(async () => {
  await browser?.close()
  await toolgate?.close()
})

async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${page.url()} ${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
}

it('a token is made, looked at, rotated and revoked by keyboard, on pages without serious faults', async (context) => {
  if (!browser) return context.skip(unavailable)
  const { username } = await toolgate.account(['editor', 'operator'])
  const page = await (await browser.newContext()).newPage()
  const complaints = complaintsOf(page)
  const faults: string[] = []
  await page.goto(`${toolgate.issuer}/sign-in`)
  await page.fill('[name=username]', username)
  await page.fill('[name=password]', PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account')
  const press = async (name: string | RegExp, role: 'button' | 'link' = 'button') => {
    await page.getByRole(role, { name }).focus()
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
  }
  for (const at of ['/account/tokens', '/operator/personal-tokens']) {
    await page.goto(toolgate.issuer + at)
    faults.push(...(await serious(page)))
    await press('New token', 'link')
    if (at.startsWith('/operator')) {
      await page.getByLabel('Account').fill(username)
      await press('Continue')
    }
    await page.getByLabel('Resource').selectOption({ label: 'Notes' })
    await press('Choose')
    faults.push(...(await serious(page)))
    await page.getByLabel('Name').fill('Laptop')
    await press('Create token')
    await page.getByRole('heading', { name: 'Copy the token now' }).waitFor()
    faults.push(...(await serious(page)))
    await press('I have copied it', 'link')
    faults.push(...(await serious(page)))
    await press('Rotate Laptop')
    await page.getByRole('heading', { name: 'Copy the token now' }).waitFor()
    await press('I have copied it', 'link')
    if (at.startsWith('/operator')) await page.getByLabel('Reason').fill('not needed')
    await press('Revoke Laptop')
    await page.getByText('The token is revoked').waitFor()
  }
  expect(faults).toEqual([])
  expect(complaints).toEqual([])
})
