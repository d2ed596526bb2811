import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNT_PAGES } from '../../src/account-pages/routes.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { arriveAt, press, type } from '../support/keyboard.ts'
import { type LivedIn, livedIn } from '../support/lived-in.ts'
import { PASSWORD } from '../support/toolgate.ts'

/** The main tasks, each from signing in to its end without a mouse. Add a task as a test of its own. */
const launched = await launchBrowser()
const is_missing = 'reason' in launched
const browser = launched as Browser
let seed: LivedIn

const hasPage = (path: string) => ACCOUNT_PAGES.some((page) => page.path === path)

beforeAll(async () => {
  if (!is_missing) seed = await livedIn()
})
afterAll(async () => {
  if (is_missing) return
  await browser.close()
  await seed.toolgate.close()
})

/** Signs in by keyboard on the way to `path`, does the task, and expects that nothing complained. */
async function byKeyboard(path: string, heading: string | RegExp, task: (page: Page) => Promise<void>) {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints = complaintsOf(page)
  await page.goto(seed.toolgate.issuer + path)
  // The page itself puts the cursor there; before it did, a key would be in its way.
  await page.locator('#username:focus').waitFor()
  await type(page, 'Username', seed.ada.username)
  await type(page, 'Password', PASSWORD)
  await page.keyboard.press('Enter')
  await arriveAt(page, heading)
  await task(page)
  expect(complaints).toEqual([])
  await context.close()
}

function scopeOf(id: string | undefined): Promise<string | undefined> {
  return seed.toolgate.db.database
    .knex('grants')
    .where({ id })
    .first('scope')
    .then((row) => row?.scope)
}

describe.skipIf(is_missing)(`by keyboard${is_missing ? ` (skipped: ${launched.reason})` : ''}`, () => {
  it('the first stop of a page leads past its navigation', () =>
    byKeyboard('/account', 'Connected apps', async (page) => {
      await page.keyboard.press('Tab')
      await press(page, 'Skip to content')
      await page.locator('main:focus').waitFor()
    }))

  it('a person opens an app, takes a scope back, and gives it a name', async () => {
    const [claude] = seed.grant_ids
    await byKeyboard('/account', 'Connected apps', async (page) => {
      await press(page, 'Change what Claude on the laptop may do')
      await arriveAt(page, 'Claude on the laptop')
      await press(page, /^Delete notes for good/, 'Space')
      await press(page, 'Save what it may do')
      await page.getByRole('status').getByText('it may no longer: Delete notes for good').waitFor()
      expect(await page.getByRole('checkbox').count()).toBe(2)
      await type(page, 'Name', 'Claude upstairs')
      await page.keyboard.press('Enter')
      await arriveAt(page, 'Claude upstairs')
    })
    expect(await scopeOf(claude)).toBe('notes:read notes:write')
  })

  it('a person disconnects an app, asked once more before', async () => {
    await byKeyboard('/account', 'Connected apps', async (page) => {
      await press(page, 'Disconnect Cursor')
      await arriveAt(page, 'Disconnect Cursor?')
      await press(page, 'Disconnect')
      await page.getByRole('status').getByText('The app is disconnected.').waitFor()
      expect(await page.getByRole('heading', { name: 'Cursor' }).count()).toBe(0)
    })
    expect(await scopeOf(seed.grant_ids[1])).toBeUndefined()
  })

  it.runIf(hasPage('/account/tokens/new'))(
    'a person makes a personal token, which is shown once',
    async () => {
      await byKeyboard('/account/tokens', /personal/i, async (page) => {
        await press(page, /^(New|Create)/)
        await arriveAt(page, /new personal/i)
        await press(page, 'Choose')
        await page.getByRole('heading', { name: 'For Notes' }).waitFor()
        await type(page, /^Name/, 'Backup')
        await press(page, /^Create/)
        const value = /tgp_[0-9A-Za-z]{49}/
        await page.getByText(value).first().waitFor()
        await page.goto(`${seed.toolgate.issuer}/account/tokens`)
        await page.getByText('Backup').first().waitFor()
        expect(await page.getByText(value).count()).toBe(0)
      })
    },
  )
})
