import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount, findActiveAccount } from '../../src/accounts/account-store.ts'
import { changeAccount, createAccount } from '../../src/accounts/accounts.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import type { RecordingContext } from '../../src/audit/log/recorded.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
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
  return signIn(
    { ...dependencies, form_key: 'of this test' },
    { username, password, ip, request_id: `request-${addresses}`, ...change },
  )
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

describe('creating', () => {
  it('takes a username in any case as one', async () => {
    const { username } = await create()
    expect(await refusal(create(username.toUpperCase()))).toMatchObject({ code: 'conflict' })
  })

  it('two at the same moment: one is made, and one event says so', async () => {
    const username = someone()
    const outcomes = await Promise.allSettled([create(username), create(username)])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const { id } = (await findAccount(db, username))!
    expect(await eventsOf(id)).toEqual([['account.created', undefined]])
  })

  it.each(['', ' ', 'a b', '-a', 'a.', 'ä', 'a\0b', '\ud800', 'a/b', 'x'.repeat(65), '<script>', "a'--"])(
    'refuses the username %j',
    async (username) => {
      expect(await refusal(create(username))).toMatchObject({ code: 'invalid_input' })
    },
  )

  it.each([0, 11, 257])('refuses a password of %i characters', async (length) => {
    const request = { username: someone(), password: 'x'.repeat(length), roles: [] }
    expect(await refusal(createAccount(dependencies, request, TEST))).toMatchObject({ code: 'invalid_input' })
  })
})

describe('changing', () => {
  it('a disabled account is not active, and is again when it is enabled', async () => {
    const { id, username } = await create()
    await changeAccount(dependencies, username, { disabled: true }, TEST)
    expect(await findActiveAccount(db, id)).toBeUndefined()
    await changeAccount(dependencies, username, { disabled: false }, TEST)
    expect(await findActiveAccount(db, id)).toMatchObject({ username })
  })

  it('a new password replaces the old one and is not in the audit log', async () => {
    const { id, username } = await create()
    await changeAccount(dependencies, username, { password: 'another password' }, TEST)
    await expect(attempt(username, 'another password')).resolves.toMatchObject({ id })
    expect(await refusal(attempt(username))).toMatchObject({ code: 'unauthenticated' })
    const { events } = await pageEvents(db, { account_id: id, type: 'account.changed' }, 10)
    expect(events.map(({ detail }) => detail)).toEqual([
      { password: 'changed', ended_page_sessions: 0, ended_browser_sign_ins: 0 },
    ])
  })

  it('of nobody is not found', async () => {
    const change = changeAccount(dependencies, someone(), { roles: [] }, TEST)
    expect(await refusal(change)).toMatchObject({ code: 'not_found' })
  })
})
