import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import type { RecordingContext } from '../../src/audit/log/recorded.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import {
  labelsOf,
  pageOfConnectedApps,
  renameConnectedApp,
  revokeConnectedApp,
  showConnectedApp,
} from '../../src/grants/connected-apps.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { by } from '../support/origins.ts'

let test: TestDatabase
let dependencies: RecordingContext & { audit: AuditLog }

beforeAll(async () => {
  test = await createTestDatabase()
  dependencies = { db: test.database.knex, audit: new AuditLog(test.database.hot) }
})
afterAll(async () => {
  await dependencies.audit.close()
  await test.drop()
})

const random = (prefix: string) => `${prefix}_${randomBytes(9).toString('base64url')}`

async function account(): Promise<string> {
  const id = random('acc')
  await dependencies.db('accounts').insert({ id, username: id.toLowerCase(), password_hash: 'x', roles: [] })
  return id
}

async function grant(account_id: string, more: object = {}): Promise<string> {
  const id = random('gr')
  await dependencies.db('grants').insert({
    id,
    account_id,
    client_id: 'cl_1',
    resource: 'http://localhost:4001/mcp',
    scope: 'notes:read',
    payload: {},
    expires_at: new Date(Date.now() + 60_000),
    ...more,
  })
  return id
}

describe('pageOfConnectedApps', () => {
  it('has what is connected now, newest first, each on one page', async () => {
    const account_id = await account()
    const moment = new Date()
    const ids = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        grant(account_id, { created_at: index < 3 ? moment : new Date(moment.getTime() - index) }),
      ),
    )
    await grant(account_id, { client_id: 'personal-access-token' })
    await grant(account_id, { expires_at: new Date(0) })
    await grant(await account())
    const seen: string[] = []
    let after: string | undefined
    do {
      const { apps, next } = await pageOfConnectedApps(dependencies, account_id, { after, limit: 2 })
      seen.push(...apps.map(({ id }) => id))
      after = next
    } while (after !== undefined)
    expect(seen).toHaveLength(5)
    expect(seen.toSorted()).toEqual(ids.toSorted())
    expect(seen.slice(3)).toEqual(ids.slice(3))
  })

  it('knows which tools were really used', async () => {
    const account_id = await account()
    const grant_id = await grant(account_id)
    const first_used_at = new Date('2026-01-01T00:00:00Z')
    const use = { grant_id, first_used_at, allowed: 3, denied: 1 }
    await dependencies.db('grant_tool_uses').insert([
      { ...use, tool: 'old', last_used_at: first_used_at },
      { ...use, tool: 'new', last_used_at: new Date('2026-02-01T00:00:00Z') },
    ])
    const app = await showConnectedApp(dependencies, { account_id, id: grant_id })
    expect(app.first_used_at).toEqual(first_used_at)
    expect(app.used_tools.map(({ tool, last_used_at }) => [tool, last_used_at.getTime()])).toEqual([
      ['new', Date.UTC(2026, 1, 1)],
      ['old', Date.UTC(2026, 0, 1)],
    ])
  })
})

describe('what is not one’s own', () => {
  it('is not found, whatever is tried', async () => {
    const id = await grant(await account())
    const foreign = { account_id: await account(), id }
    const not_found = { code: 'not_found' }
    await expect(showConnectedApp(dependencies, foreign)).rejects.toMatchObject(not_found)
    await expect(renameConnectedApp(dependencies, foreign, 'mine')).rejects.toMatchObject(not_found)
    expect(await revokeConnectedApp(dependencies, foreign, by(foreign.account_id))).toEqual({ revoked: [] })
    expect((await labelsOf(dependencies, foreign.account_id, [id])).size).toBe(0)
    expect(await dependencies.db('grants').where({ id }).first('label')).toEqual({ label: null })
  })
})

describe('revokeConnectedApp', () => {
  it('deletes it and records who did, once', async () => {
    const account_id = await account()
    const id = await grant(account_id)
    expect(
      await revokeConnectedApp(dependencies, { account_id, id }, { ...by(account_id), request_id: 'req' }),
    ).toEqual({
      revoked: [id],
    })
    expect(await revokeConnectedApp(dependencies, { account_id, id }, by(account_id))).toEqual({
      revoked: [],
    })
    const { events } = await pageEvents(dependencies.db, { grant_id: id }, 10)
    expect(events).toMatchObject([
      { type: 'grant.revoked', actor_kind: 'account', actor_id: account_id, request_id: 'req' },
    ])
  })
})

describe('renameConnectedApp', () => {
  it('takes a name and takes it away', async () => {
    const own = { account_id: await account(), id: '' }
    own.id = await grant(own.account_id)
    await renameConnectedApp(dependencies, own, '  Laptop ')
    expect((await showConnectedApp(dependencies, own)).label).toBe('Laptop')
    await renameConnectedApp(dependencies, own, undefined)
    expect((await showConnectedApp(dependencies, own)).label).toBeNull()
  })

  it.each(['x'.repeat(61), 'turned \u202e round', 'a\nb', '\ud800'])('refuses %j', async (label) => {
    const account_id = await account()
    const own = { account_id, id: await grant(account_id) }
    await expect(renameConnectedApp(dependencies, own, label)).rejects.toMatchObject({
      code: 'invalid_input',
    })
  })
})
