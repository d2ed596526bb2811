import { createHash, randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { changeAccount, createAccount } from '../../../src/accounts/accounts.ts'
import {
  findBrowserSession,
  putBrowserSession,
} from '../../../src/accounts/sessions/browser-session-store.ts'
import type { SignedIn } from '../../../src/accounts/sessions/page-sessions.ts'
import { currentPageSession, openPageSession } from '../../../src/accounts/sessions/page-sessions.ts'
import { endSession, sessionsOf, signOutEverywhere } from '../../../src/accounts/sessions/sessions.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { changeOwnPassword } from '../../../src/sign-in/own-password.ts'
import { type SignInDependencies, signIn } from '../../../src/sign-in/sign-in.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { by, TEST } from '../../support/origins.ts'

const PASSWORD = 'correct horse battery'

let test: TestDatabase
let db: Knex
let dependencies: SignInDependencies
beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  dependencies = { db, audit: new AuditLog(test.database.hot), form_key: 'of this test' }
})
afterAll(async () => {
  await dependencies.audit.close()
  await test.drop()
})

const enter = (username: string, password = PASSWORD) =>
  signIn(dependencies, { username, password, ip: undefined, request_id: 'r' })
const open = (signed_in: SignedIn) =>
  openPageSession(dependencies, signed_in, { ip: '192.0.2.1', user_agent: 'Browser/1' })
const idOf = (value: string) => createHash('sha256').update(value).digest('base64url')

type Browser = { id: string; uid: string; payload: Record<string, unknown> }

/** As the engine writes a session at the end of a request. */
const write = ({ id, uid, payload }: Browser) => putBrowserSession(db, { id, uid, payload, ttl_seconds: 600 })

async function browser({ id: accountId, signed_in_at_seconds: loginTs }: SignedIn): Promise<Browser> {
  const [id, uid] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')]
  const session = { id, uid, payload: { accountId, loginTs, uid } }
  await write(session)
  return session
}

const isLive = async ({ id, uid }: Browser) => {
  const found = await Promise.all([findBrowserSession(db, { id }), findBrowserSession(db, { uid })])
  expect(new Set(found.map(Boolean)).size).toBe(1)
  return found[0] !== undefined
}

const endings = async (account_id: string) =>
  (await pageEvents(db, { account_id, type: 'session.ended' }, 10)).events.map(({ detail }) => detail)

let person: SignedIn
let other: SignedIn
beforeEach(async () => {
  const made = await Promise.all(
    [1, 2].map(() =>
      createAccount(
        dependencies,
        { username: `user-${randomBytes(6).toString('hex')}`, password: PASSWORD, roles: [] },
        TEST,
      ),
    ),
  )
  person = await enter(made[0]!.username)
  other = await enter(made[1]!.username)
})

describe('sessions', () => {
  it('are those of the account and no other', async () => {
    const value = await open(person)
    const sign_in = await browser(person)
    await open(other)
    await browser(other)
    expect(await sessionsOf(db, person.id)).toMatchObject({
      page_sessions: [{ id: idOf(value), ip: '192.0.2.1', user_agent: 'Browser/1' }],
      browser_sign_ins: [{ id: sign_in.uid, signed_in_at: new Date(person.signed_in_at_seconds * 1_000) }],
    })
  })

  it('one ends, once, by its account only', async () => {
    const value = await open(person)
    const sign_in = await browser(person)
    const end = (account_id: string, kind: 'page' | 'browser', id: string) =>
      endSession(dependencies, { account_id, kind, id }, by(account_id))
    expect(await end(other.id, 'page', idOf(value))).toBe(false)
    expect(await end(other.id, 'browser', sign_in.uid)).toBe(false)
    expect([(await currentPageSession(db, value))?.account_id, await isLive(sign_in)]).toEqual([
      person.id,
      true,
    ])
    expect(await end(person.id, 'page', idOf(value))).toBe(true)
    expect(await end(person.id, 'browser', sign_in.uid)).toBe(true)
    expect(await end(person.id, 'browser', sign_in.uid)).toBe(false)
    expect([await currentPageSession(db, value), await isLive(sign_in)]).toEqual([undefined, false])
    expect(await endings(person.id)).toEqual([{ ended_browser_sign_ins: 1 }, { ended_page_sessions: 1 }])
    expect(await endings(other.id)).toEqual([])
  })

  it.each(['', '\0', 'x'.repeat(500), '../../..', "' or true --"])('no id opens a way: %j', async (id) => {
    const kept = await open(person)
    for (const kind of ['page', 'browser'] as const)
      expect(
        await endSession(dependencies, { account_id: person.id, kind, id }, TEST).catch(() => false),
      ).toBe(false)
    expect(await currentPageSession(db, kept)).toBeDefined()
  })

  it('a request under way does not bring back a browser session that was ended', async () => {
    const sign_in = await browser(person)
    await endSession(dependencies, { account_id: person.id, kind: 'browser', id: sign_in.uid }, TEST)
    await write(sign_in)
    expect(await isLive(sign_in)).toBe(false)
  })

  it('all end, of this account, but the one that is kept', async () => {
    const [kept, gone, theirs] = [await open(person), await open(person), await open(other)]
    const [mine, foreign] = [await browser(person), await browser(other)]
    const request = { account_id: person.id, except: idOf(kept) }
    const ended = await signOutEverywhere(dependencies, request, by(person.id))
    expect(ended).toEqual({ ended_page_sessions: 1, ended_browser_sign_ins: 1 })
    expect(await endings(person.id)).toEqual([ended])
    expect(await currentPageSession(db, kept)).toBeDefined()
    expect(await currentPageSession(db, gone)).toBeUndefined()
    expect(await currentPageSession(db, theirs)).toBeDefined()
    expect([await isLive(mine), await isLive(foreign)]).toEqual([false, true])
    await signOutEverywhere(dependencies, request, by(person.id))
    expect(await endings(person.id)).toHaveLength(1)
  })

  it('a sign-in from before opens nothing any more, one from after does', async () => {
    await signOutEverywhere(dependencies, { account_id: person.id }, TEST)
    await expect(open(person)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(await isLive(await browser(person))).toBe(false)
    const again = await enter(person.username)
    expect(await currentPageSession(db, await open(again))).toBeDefined()
    expect(await isLive(await browser(again))).toBe(true)
  })

  it('opening and signing out everywhere at the same moment: nothing stays open', async () => {
    const attempts = await Promise.all([
      ...Array.from({ length: 6 }, () => open(person).catch(() => undefined)),
      signOutEverywhere(dependencies, { account_id: person.id }, TEST).then(() => undefined),
    ])
    for (const value of attempts) expect(await currentPageSession(db, value)).toBeUndefined()
    expect((await sessionsOf(db, person.id)).page_sessions).toEqual([])
  })

  it('end when the account is disabled or its password replaced', async () => {
    for (const change of [{ disabled: true }, { password: 'another password' }]) {
      const value = await open(person)
      const sign_in = await browser(person)
      const { username } = person
      await changeAccount(dependencies, username, change, TEST)
      await changeAccount(dependencies, username, { disabled: false, password: PASSWORD }, TEST)
      expect([await currentPageSession(db, value), await isLive(sign_in)]).toEqual([undefined, false])
      person = await enter(username)
    }
  })
})

describe('the own password', () => {
  const change = (session: string, what: { current?: string; wanted?: string } = {}) =>
    changeOwnPassword(
      dependencies,
      {
        account_id: person.id,
        username: person.username,
        session_id: idOf(session),
        current: PASSWORD,
        wanted: 'another password',
        ...what,
      },
      { ...by(person.id), request_id: 'r' },
    )

  it('changes by the current one; only this session stays', async () => {
    const [mine, gone] = [await open(person), await open(person)]
    const sign_in = await browser(person)
    await change(mine)
    expect(await currentPageSession(db, mine)).toBeDefined()
    expect([await currentPageSession(db, gone), await isLive(sign_in)]).toEqual([undefined, false])
    await expect(enter(person.username)).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(enter(person.username, 'another password')).resolves.toMatchObject({ id: person.id })
    const { events } = await pageEvents(db, { account_id: person.id, type: 'account.changed' }, 5)
    expect(events).toMatchObject([
      { actor_kind: 'account', actor_id: person.id, detail: { password: 'changed', ended_page_sessions: 1 } },
    ])
  })

  it('does not by another; guesses count against the session that makes them, and nobody else', async () => {
    const mine = await open(person)
    const wrong = { current: 'wrong password' }
    for (let guesses = 0; guesses < 10; guesses += 1)
      await expect(change(mine, wrong)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(change(mine)).rejects.toMatchObject({ code: 'throttled' })
    await expect(enter(person.username)).resolves.toMatchObject({ id: person.id })
  })

  it.each([
    ['too short', { wanted: 'x' }],
    ['the same', { wanted: PASSWORD }],
  ])('does not to one that is %s', async (_, what) => {
    await expect(change(await open(person), what)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('changes once when two change it at the same moment', async () => {
    const mine = await open(person)
    const outcomes = await Promise.allSettled([
      change(mine, { wanted: 'one new password' }),
      change(mine, { wanted: 'other new password' }),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})
