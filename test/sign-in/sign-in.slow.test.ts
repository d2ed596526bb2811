import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findByUsername } from '../../src/accounts/account-store.ts'
import { changeAccount, createAccount } from '../../src/accounts/accounts.ts'
import { confirmSignIn } from '../../src/accounts/sessions/page-session-store.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import type { RecordingContext } from '../../src/audit/log/recorded.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { countAttempt, giveAttemptBack } from '../../src/sign-in/attempt-store.ts'
import { type SignInRequest, signIn } from '../../src/sign-in/sign-in.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

const PASSWORD = 'correct horse battery'

let test: TestDatabase
let db: Knex
let dependencies: RecordingContext

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  dependencies = { db, audit: new AuditLog(test.database.hot) }
})
afterAll(async () => {
  await dependencies.audit.close()
  await test.drop()
})

const someone = () => `user-${randomBytes(6).toString('hex')}`
const create = (username = someone(), roles = ['reader']) =>
  createAccount(dependencies, { username, password: PASSWORD, roles }, TEST)

let addresses = 0
function attempt(username: string, password = PASSWORD, change: Partial<SignInRequest> = {}) {
  addresses += 1
  const ip = `192.0.2.${addresses % 250}`
  return signIn(dependencies, { username, password, ip, request_id: `request-${addresses}`, ...change })
}

async function refusal(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await work.then(
    () => new Error('it was let through'),
    (thrown) => thrown,
  )
  if (!(error instanceof AppError)) throw error
  return { code: error.code, message: error.message }
}

const eventsOf = async (account_id: string) =>
  (await pageEvents(db, { account_id }, 100)).events.map(({ type, detail }) => [type, detail?.reason])

/** As if this account had failed so often in the window that is open. */
const failedBefore = (username: string, failures: number) =>
  db('login_attempts').insert({
    key: `account ${username}`,
    failures,
    window_ends_at: db.raw("now() + interval '10 minutes'"),
  })

describe('signing in', () => {
  it('gives the account, in any case of its name, and records it', async () => {
    const { id, username } = await create()
    expect(await attempt(username.toUpperCase())).toMatchObject({ id, username, roles: ['reader'] })
    expect(await eventsOf(id)).toContainEqual(['login.succeeded', undefined])
  })

  it('is refused in the same words whether the account is unknown, disabled or the password wrong', async () => {
    const [known, disabled] = await Promise.all([create(), create()])
    await changeAccount(dependencies, disabled.username, { disabled: true }, TEST)
    const refusals = await Promise.all([
      refusal(attempt(known.username, 'wrong password')),
      refusal(attempt(disabled.username)),
      refusal(attempt(someone())),
      refusal(attempt('')),
      refusal(attempt("' or 1=1 --")),
      refusal(attempt('\ud800'.repeat(100), 'x'.repeat(100_000))),
    ])
    expect(new Set(refusals.map((each) => JSON.stringify(each)))).toEqual(
      new Set([
        JSON.stringify({ code: 'unauthenticated', message: 'That username and password do not match.' }),
      ]),
    )
  })

  it('what was typed as an unknown username is not recorded: it may be a password', async () => {
    await refusal(attempt('hunter2-is-my-password'))
    const { events } = await pageEvents(db, { type: 'login.failed' }, 1_000)
    expect(JSON.stringify(events)).not.toContain('hunter2')
  })

  it('is throttled after ten failures, even with the right password', async () => {
    const { id, username } = await create()
    await failedBefore(username, 9)
    expect(await refusal(attempt(username, 'wrong password'))).toMatchObject({ code: 'unauthenticated' })
    expect(await refusal(attempt(username))).toMatchObject({
      code: 'throttled',
      message: expect.stringContaining('15 minutes'),
    })
    expect(await eventsOf(id)).toContainEqual(['login.failed', 'throttled'])
  })

  it('an unknown account is throttled just so', async () => {
    const username = someone()
    await failedBefore(username, 10)
    expect(await refusal(attempt(username))).toMatchObject({ code: 'throttled' })
  })

  it('guesses at the same moment do not slip through together', async () => {
    const { username } = await create()
    await failedBefore(username, 8)
    const refusals = await Promise.all(
      Array.from({ length: 6 }, () => refusal(attempt(username, 'wrong password'))),
    )
    expect(refusals.filter(({ code }) => code === 'unauthenticated')).toHaveLength(2)
    expect(refusals.filter(({ code }) => code === 'throttled')).toHaveLength(4)
  })

  it('right ones at the same moment are all let in, however many', async () => {
    const people = [await create(), await create()]
    const ip = '198.51.100.16'
    const one = Array.from({ length: 16 }, () => attempt(people[0]!.username, PASSWORD, { ip }))
    const other = Array.from({ length: 16 }, () => attempt(people[1]!.username, PASSWORD, { ip }))
    const signed_in = await Promise.all([...one, ...other])
    expect(new Set(signed_in.map(({ username }) => username)).size).toBe(2)
    expect(await db('login_attempts').where({ key: `address ${ip}` })).toMatchObject([{ failures: 0 }])
  })

  it('a success takes back what it counted for its address, and no failure of it', async () => {
    const { username } = await create()
    const ip = '198.51.100.8'
    await refusal(attempt(username, 'wrong password', { ip }))
    for (let times = 0; times < 3; times += 1) await attempt(username, PASSWORD, { ip })
    expect(await db('login_attempts').where({ key: `address ${ip}` })).toMatchObject([{ failures: 1 }])
  })

  it('a success takes nothing from a window that began after it was counted', async () => {
    const key = 'address 198.51.100.9'
    const [old] = await countAttempt(db, [key], 900)
    await db('login_attempts')
      .where({ key })
      .update({ window_ends_at: db.raw("now() - interval '1 second'") })
    await countAttempt(db, [key], 900)
    await giveAttemptBack(db, key, old!)
    expect(await db('login_attempts').where({ key })).toMatchObject([{ failures: 1 }])
  })

  it('guesses through many instances count in one place, and no count is lost', async () => {
    const key = `account ${someone()}`
    const counted = await Promise.all(Array.from({ length: 12 }, () => countAttempt(db, [key], 900)))
    const counts = counted.map(([attempt]) => attempt!.failures)
    expect(counts.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
  })

  it('with a password that was replaced while it was being checked is refused', async () => {
    const { id, username } = await create()
    const { password_hash } = (await findByUsername(db, username))!
    await changeAccount(dependencies, username, { password: 'another password' }, TEST)
    expect(await confirmSignIn(db, { id, password_hash })).toBeUndefined()
  })

  it('a success forgets the failures before it', async () => {
    const { username } = await create()
    await failedBefore(username, 9)
    await attempt(username)
    expect(await refusal(attempt(username, 'wrong password'))).toMatchObject({ code: 'unauthenticated' })
  })

  it('when the window is over, counting starts anew', async () => {
    const { username } = await create()
    await db('login_attempts').insert({
      key: `account ${username}`,
      failures: 99,
      window_ends_at: db.raw("now() - interval '1 second'"),
    })
    await expect(attempt(username)).resolves.toMatchObject({ username })
  })

  it('one address is throttled after a hundred failures, whoever it tries', async () => {
    const { username } = await create()
    const ip = '198.51.100.7'
    await db('login_attempts').insert({
      key: `address ${ip}`,
      failures: 100,
      window_ends_at: db.raw("now() + interval '5 minutes'"),
    })
    expect(await refusal(attempt(username, PASSWORD, { ip }))).toMatchObject({ code: 'throttled' })
    await expect(attempt(username)).resolves.toMatchObject({ username })
  })
})
