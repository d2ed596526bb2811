import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { arriveAt, press, type } from '../support/keyboard.ts'
import { type LivedIn, livedIn } from '../support/lived-in.ts'
import { PASSWORD } from '../support/toolgate.ts'

/** The main tasks, each from signing in to its end without a mouse. Add a task as a test of its own. */
const launched = await launchBrowser()
const is_missing = 'reason' in launched
const browser = launched as Browser
let seed: LivedIn

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

async function grantsOf(username: string): Promise<string[]> {
  const { knex } = seed.toolgate.db.database
  const account = knex('accounts').where({ username }).select('id')
  return (await knex('grants').whereIn('account_id', account).select('id')).map(({ id }) => String(id))
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

  it('a person makes a personal token, which is shown once', async () => {
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
  })

  it('an operator finds the grants of somebody, sees what would end, and revokes one for a reason', async () => {
    const [grant] = await grantsOf('grace')
    await byKeyboard('/operator/grants', 'Grants', async (page) => {
      await type(page, 'Account', 'grace')
      await page.keyboard.press('Enter')
      await page.waitForURL(/account=grace/)
      expect(await page.getByRole('checkbox').count()).toBe(1)
      await press(page, `Select grant ${grant}`, 'Space')
      await press(page, 'Revoke selected')
      await arriveAt(page, 'Revoke grants')
      await type(page, 'Reason', 'the laptop was lost')
      await press(page, 'Revoke 1 grant')
      await page.getByRole('status').getByText('Revoked 1 grant with all their tokens').waitFor()
    })
    expect(await grantsOf('grace')).toEqual([])
  })

  it('an operator blocks a client for a reason', () =>
    byKeyboard('/operator/clients', 'Clients', async (page) => {
      await press(page, 'Nightly report')
      await arriveAt(page, 'Nightly report')
      await press(page, 'Block')
      await arriveAt(page, /^Block cl_/)
      await type(page, 'Why', 'sends notes elsewhere')
      await press(page, 'Block the client')
      await page.getByRole('status').getByText('The client is blocked. 1 grant ended.').waitFor()
      await page.getByText('sends notes elsewhere').waitFor()
    }))

  it('an operator finds a denied call in the audit log, and reads the story that led to it', () =>
    byKeyboard('/operator/audit', 'Audit log', async (page) => {
      await type(page, 'Outcome', 'denied')
      await press(page, 'Search')
      await page.waitForURL(/decision=denied/)
      await press(page, 'tool.decided')
      await arriveAt(page, /^Event/)
      await press(page, 'Story of this grant')
      await arriveAt(page, 'Story of a grant')
      await page.getByText(/signed in from/).waitFor()
    }))
})
