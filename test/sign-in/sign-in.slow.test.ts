import { createHash, randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findByUsername } from '../../src/accounts/account-store.ts'
import { changeAccount, createAccount } from '../../src/accounts/accounts.ts'
import { confirmSignIn } from '../../src/accounts/sessions/page-session-store.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { countAttempt, giveAttemptsBack } from '../../src/sign-in/attempt-store.ts'
import { type Guess, limitsOf } from '../../src/sign-in/limits.ts'
import { type SignInDependencies, type SignInRequest, signIn } from '../../src/sign-in/sign-in.ts'
import { heldAgainst, unlockAccount } from '../../src/sign-in/unlock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

const PASSWORD = 'correct horse battery'
const FORM_KEY = 'the key of this test'

let test: TestDatabase
let db: Knex
let dependencies: SignInDependencies

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  dependencies = { db, audit: new AuditLog(test.database.hot), form_key: FORM_KEY }
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
  const ip = `10.9.${addresses >> 8}.${addresses & 255}`
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

/** As if so many guesses of this kind had failed in the window that is open: of each counter, by its place. */
async function failedBefore(
  guess: Partial<Guess> & { username: string },
  failures: number,
  place: 'first' | 'last',
) {
  const limits = limitsOf(FORM_KEY, { account_id: undefined, ip: undefined, browser: undefined, ...guess })
  const counter = limits[place][0]!
  for (let count = 0; count < failures; count += 1) await countAttempt(db, [counter], 600)
}

const failuresOf = async (ip: string) => {
  const [, network] = limitsOf(FORM_KEY, {
    username: 'x',
    account_id: undefined,
    ip,
    browser: undefined,
  }).first
  return (await db('login_attempts').where({ key: network!.key }).first('failures'))?.failures
}

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

  it('is throttled after ten failures from one network, even with the right password; from another it is not', async () => {
    const { id, username } = await create()
    const ip = '198.51.100.20'
    await failedBefore({ username, ip }, 9, 'first')
    expect(await refusal(attempt(username, 'wrong password', { ip }))).toMatchObject({
      code: 'unauthenticated',
    })
    expect(await refusal(attempt(username, PASSWORD, { ip }))).toMatchObject({
      code: 'throttled',
      message: expect.stringContaining('15 minutes'),
    })
    expect(await eventsOf(id)).toContainEqual(['login.failed', 'throttled'])
    await expect(attempt(username)).resolves.toMatchObject({ id })
  })

  it('an unknown account is throttled just so', async () => {
    const [username, ip] = [someone(), '198.51.100.21']
    await failedBefore({ username, ip }, 10, 'first')
    expect(await refusal(attempt(username, PASSWORD, { ip }))).toMatchObject({ code: 'throttled' })
  })

  it('nobody gets as many guesses at an account as they have networks: it is throttled after a hundred from all', async () => {
    const { username } = await create()
    await failedBefore({ username }, 100, 'last')
    expect(await refusal(attempt(username))).toMatchObject({ code: 'throttled' })
  })

  it('who was refused by a narrower limit uses up none of the account', async () => {
    const { username } = await create()
    const ip = '198.51.100.22'
    await failedBefore({ username }, 98, 'last')
    await failedBefore({ username, ip }, 10, 'first')
    for (let times = 0; times < 5; times += 1)
      expect(await refusal(attempt(username, 'wrong password', { ip }))).toMatchObject({ code: 'throttled' })
    await expect(attempt(username)).resolves.toMatchObject({ username })
  })

  it('a browser that is known to the account goes on whatever strangers do, and has ten guesses itself', async () => {
    const { id, username } = await create()
    const ip = '198.51.100.23'
    await failedBefore({ username }, 100, 'last')
    await failedBefore({ username, ip }, 10, 'first')
    const known = { ip, browser: 'a-known-browser' }
    await expect(attempt(username, PASSWORD, known)).resolves.toMatchObject({ id })
    for (let times = 0; times < 10; times += 1)
      expect(await refusal(attempt(username, 'wrong password', known))).toMatchObject({
        code: 'unauthenticated',
      })
    expect(await refusal(attempt(username, PASSWORD, known))).toMatchObject({ code: 'throttled' })
  })

  it('an IPv6 /64 counts as one network, and a /48 as one that has four times as many failures', async () => {
    const guess = (ip: string) =>
      limitsOf(FORM_KEY, { username: 'x', account_id: undefined, ip, browser: undefined })
    const keys = (ip: string) => guess(ip).first.map(({ key }) => key.toString('hex'))
    const [one, same, beside, far] = [
      '2001:db8:7:7::1',
      '2001:db8:7:7:f::2',
      '2001:db8:7:8::1',
      '2001:db8:8::1',
    ].map(keys)
    expect(same).toEqual(one)
    expect([beside![0], beside![2]]).toEqual([one![0], one![2]])
    expect(beside![1]).not.toBe(one![1])
    expect(far!.filter((key) => one!.includes(key))).toEqual([])
    expect(guess('2001:db8:7:7::1').first.map(({ max }) => max)).toEqual([10, 100, 400])
    expect(guess('192.0.2.1').first.map(({ max }) => max)).toEqual([10, 100])
  })

  it('guesses at the same moment do not slip through together', async () => {
    const { username } = await create()
    const ip = '198.51.100.24'
    await failedBefore({ username, ip }, 8, 'first')
    const refusals = await Promise.all(
      Array.from({ length: 6 }, () => refusal(attempt(username, 'wrong password', { ip }))),
    )
    expect(refusals.filter(({ code }) => code === 'unauthenticated')).toHaveLength(2)
    expect(refusals.filter(({ code }) => code === 'throttled')).toHaveLength(4)
  })

  it('right ones at the same moment are all let in, as long as they find a place', async () => {
    const people = [await create(), await create()]
    const ip = '198.51.100.16'
    const one = Array.from({ length: 8 }, () => attempt(people[0]!.username, PASSWORD, { ip }))
    const other = Array.from({ length: 8 }, () => attempt(people[1]!.username, PASSWORD, { ip }))
    const signed_in = await Promise.all([...one, ...other])
    expect(new Set(signed_in.map(({ username }) => username)).size).toBe(2)
    expect(await failuresOf(ip)).toBe(0)
  })

  it('a success takes back what it counted for its address, and no failure of it', async () => {
    const { username } = await create()
    const ip = '198.51.100.8'
    await refusal(attempt(username, 'wrong password', { ip }))
    for (let times = 0; times < 3; times += 1) await attempt(username, PASSWORD, { ip })
    expect(await failuresOf(ip)).toBe(1)
  })

  it('a success takes nothing from a window that began after it was counted', async () => {
    const counter = { key: randomBytes(32), max: 10 }
    const { key } = counter
    const attempts = await countAttempt(db, [counter], 900)
    await db('login_attempts')
      .where({ key })
      .update({ window_ends_at: db.raw("now() - interval '1 second'") })
    await countAttempt(db, [counter], 900)
    await giveAttemptsBack(db, attempts)
    expect(await db('login_attempts').where({ key })).toMatchObject([{ failures: 1 }])
  })

  it('guesses through many instances count in one place, and no count is lost', async () => {
    const counter = { key: randomBytes(32), max: 10 }
    const counted = await Promise.all(Array.from({ length: 12 }, () => countAttempt(db, [counter], 900)))
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
    const ip = '198.51.100.25'
    await failedBefore({ username, ip }, 9, 'first')
    await attempt(username, PASSWORD, { ip })
    expect(await refusal(attempt(username, 'wrong password', { ip }))).toMatchObject({
      code: 'unauthenticated',
    })
  })

  it('when the window is over, counting starts anew', async () => {
    const { username } = await create()
    const ip = '198.51.100.26'
    await failedBefore({ username, ip }, 12, 'first')
    await db('login_attempts').update({ window_ends_at: db.raw("now() - interval '1 second'") })
    await expect(attempt(username, PASSWORD, { ip })).resolves.toMatchObject({ username })
  })

  it('one address is throttled after a hundred failures, whoever it tries', async () => {
    const { username } = await create()
    const ip = '198.51.100.7'
    const [, network] = limitsOf(FORM_KEY, { username, account_id: undefined, ip, browser: undefined }).first
    for (let times = 0; times < 100; times += 1) await countAttempt(db, [network!], 600)
    expect(await refusal(attempt(username, PASSWORD, { ip }))).toMatchObject({ code: 'throttled' })
    await expect(attempt(username)).resolves.toMatchObject({ username })
  })

  it('what was typed is in no row, and no plain digest of it', async () => {
    const typed = 'hunter3-is-my-password'
    await refusal(attempt(typed))
    const rows = JSON.stringify(await db('login_attempts').select())
    const digests = ['sha256', 'sha1', 'md5'].map((name) => createHash(name).update(typed).digest())
    const told = digests.filter((digest) => rows.includes(JSON.stringify(digest).slice(0, 60)))
    expect([rows.includes('hunter3'), told]).toEqual([false, []])
  })
})

describe('an account at a limit', () => {
  const guess = async (username: string, ip: string) => {
    for (let times = 0; times < 11; times += 1) await refusal(attempt(username, 'wrong password', { ip }))
  }

  it('shows it, and is unlocked by an operator, which is recorded once', async () => {
    const { id, username } = await create()
    const ip = '198.51.100.27'
    expect(await heldAgainst(dependencies, id)).toEqual({ failures: 0, reached: 0, forgotten_at: null })
    await guess(username, ip)
    expect(await heldAgainst(dependencies, id)).toMatchObject({
      failures: 11,
      reached: 1,
      forgotten_at: expect.any(Date),
    })
    expect(await refusal(attempt(username, PASSWORD, { ip }))).toMatchObject({ code: 'throttled' })
    const origin = { ...TEST, reason: 'she called' }
    expect(await unlockAccount(dependencies, username, origin)).toEqual({ id, username, unlocked: 1 })
    expect(await unlockAccount(dependencies, id, origin)).toEqual({ id, username, unlocked: 0 })
    await expect(attempt(username, PASSWORD, { ip })).resolves.toMatchObject({ id })
    const unlocked = (await eventsOf(id)).filter(([type]) => type === 'account.unlocked')
    expect(unlocked).toEqual([['account.unlocked', 'she called']])
  })
})
