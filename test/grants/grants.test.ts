import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import type { RecordingContext } from '../../src/audit/log/recorded.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { type GrantFilter, putGrant } from '../../src/grants/grant-store.ts'
import {
  pageOfGrants,
  pageOfRefreshTokens,
  revokeGrants,
  revokeRefreshTokens,
  showGrant,
} from '../../src/grants/grants.ts'
import { insertAccessToken, insertSpentOnce } from '../../src/grants/token-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let db: Knex
let dependencies: RecordingContext
const BY = {
  actor: { kind: 'operator_token', id: 'test' },
  reason: 'a test',
  request_id: 'request-1',
} as const

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  dependencies = { db, audit: new AuditLog(test.database.hot) }
  for (const name of ['kim', 'lee'])
    await insertAccount(db, { id: `usr_${name}`, username: name, password_hash: 'x', roles: [] })
})
afterAll(async () => {
  await dependencies.audit.close()
  await test.drop()
})

const random = () => randomBytes(8).toString('hex')

async function grant(change: Partial<Parameters<typeof putGrant>[1]> = {}) {
  const id = `grant_${random()}`
  const row = {
    id,
    account_id: 'usr_kim',
    client_id: `cl_${random()}`,
    resource: 'https://r.example',
    scope: 'read',
  }
  await putGrant(db, { ...row, payload: {}, ttl_seconds: 3_600, ...change })
  const bearer = random()
  const owned = { grant_id: id, ttl_seconds: 3_600 }
  await insertSpentOnce(db, 'refresh_tokens', { ...owned, id: sha256(bearer), payload: {} })
  const of_token = {
    account_id: 'usr_kim',
    client_id: row.client_id,
    resource: row.resource,
    scope: 'read',
    gty: undefined,
  }
  await insertAccessToken(db, { ...owned, id: sha256(`${bearer} access`), ...of_token })
  return { ...row, ...change, token_id: sha256(bearer).toString('base64url') }
}

const isThere = async (id: string) => (await pageOfGrants(dependencies, { id })).grants.length === 1
const idsOf = ({ grants }: { grants: { id: string }[] }) => grants.map(({ id }) => id)

async function everyPage(filter: GrantFilter): Promise<string[]> {
  const seen: string[] = []
  for (let after: string | undefined, first = true; first || after; first = false) {
    const page = await pageOfGrants(dependencies, filter, { limit: 2, after })
    seen.push(...idsOf(page))
    after = page.next
  }
  return seen
}

const revocations = async (grant_id: string) =>
  (await pageEvents(db, { grant_id, type: 'grant.revoked' }, 10)).events

describe('reading', () => {
  it('shows a grant with its live refresh tokens, named and never opened', async () => {
    const { id, token_id } = await grant()
    const shown = await showGrant(dependencies, id)
    expect(shown).toMatchObject({ id, username: 'kim', refresh_tokens: 1, access_tokens: 1 })
    expect(shown.live_refresh_tokens.map((token) => token.id)).toEqual([token_id])
  })

  it('does not show what has expired', async () => {
    const { id } = await grant({ ttl_seconds: -1 })
    expect(await isThere(id)).toBe(false)
    await expect(showGrant(dependencies, id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('conditions narrow each other, and an account is its id or its name', async () => {
    const { id, client_id } = await grant({ account_id: 'usr_lee' })
    for (const account of ['lee', 'usr_lee'])
      expect(idsOf(await pageOfGrants(dependencies, { account, client_id }))).toEqual([id])
    expect(await pageOfGrants(dependencies, { account: 'kim', client_id })).toEqual({ grants: [] })
  })

  it('pages without gaps or repeats, newest first', async () => {
    const resource = `https://${random()}.example`
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) made.unshift((await grant({ resource })).id)
    const seen: string[] = []
    for (let before: string | undefined; ; before = seen.at(-1)) {
      const page = idsOf(await pageOfGrants(dependencies, { resource }, { limit: 2, before }))
      if (page.length === 0) break
      seen.push(...page)
    }
    expect(seen).toEqual(made)
    expect(await everyPage({ resource })).toEqual(made)
  })

  it('pages without gaps or repeats through grants of one and the same moment', async () => {
    const resource = `https://${random()}.example`
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) made.push((await grant({ resource })).id)
    for (const unused_since of [undefined, new Date(Date.now() + 1_000)]) {
      await db('grants').where({ resource }).update({ created_at: '2026-01-02T03:04:05.678901Z' })
      expect((await everyPage({ resource, unused_since })).sort()).toEqual(made.toSorted())
    }
    const tokens: string[] = []
    for (let after: string | undefined, first = true; first || after; first = false) {
      const page = await pageOfRefreshTokens(dependencies, { resource }, { limit: 2, after })
      tokens.push(...page.refresh_tokens.map(({ grant_id }) => grant_id))
      after = page.next
    }
    expect(tokens.sort()).toEqual(made.toSorted())
  })

  it('by a scope means one of its scopes, whole', async () => {
    const resource = `https://${random()}.example`
    const { id } = await grant({ resource, scope: 'notes:read notes:write' })
    for (const [scope, found] of [
      ['notes:write', [id]],
      ['notes', []],
      ['notes:read notes:write', []],
    ] as const)
      expect(idsOf(await pageOfGrants(dependencies, { resource, scope }))).toEqual(found)
  })

  it('by when they were last heard of: the longest silent first, and none that was given since', async () => {
    const resource = `https://${random()}.example`
    const [used, never, fresh] = [
      await grant({ resource }),
      await grant({ resource }),
      await grant({ resource }),
    ]
    const at = (id: string, change: object) => db('grants').where({ id }).update(change)
    await at(used.id, { created_at: '2025-01-01', last_used_at: '2026-03-01' })
    await at(never.id, { created_at: '2026-02-01' })
    const since = (day: string) => pageOfGrants(dependencies, { resource, unused_since: new Date(day) })
    expect(idsOf(await since('2026-02-15'))).toEqual([never.id])
    expect(idsOf(await since('2026-04-01'))).toEqual([never.id, used.id])
    expect(idsOf(await pageOfGrants(dependencies, { resource }))).toContain(fresh.id)
  })
})

describe('revoking', () => {
  it('ends the grant with everything it owns, and records who, what and why', async () => {
    const { id, client_id } = await grant()
    expect(await revokeGrants(dependencies, { id }, BY)).toEqual({ revoked: [id] })
    for (const table of ['refresh_tokens', 'access_tokens'])
      expect(await db(table).where({ grant_id: id })).toEqual([])
    expect(await revocations(id)).toMatchObject([
      {
        actor_kind: 'operator_token',
        actor_id: 'test',
        account_id: 'usr_kim',
        client_id,
        request_id: 'request-1',
        detail: { reason: 'a test' },
      },
    ])
  })

  it('again is no fault and no event', async () => {
    const { id } = await grant()
    await revokeGrants(dependencies, { id }, BY)
    expect(await revokeGrants(dependencies, { id }, BY)).toEqual({ revoked: [] })
    expect(await revocations(id)).toHaveLength(1)
  })

  it('without any condition is refused: it would be everything', async () => {
    for (const filter of [{}, { id: undefined, account: undefined }])
      await expect(revokeGrants(dependencies, filter, BY)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('a selection revokes what is in it, narrowed by the other conditions', async () => {
    const [one, two, of_lee] = [await grant(), await grant(), await grant({ account_id: 'usr_lee' })]
    const ids = [one.id, of_lee.id, 'gone']
    expect(await revokeGrants(dependencies, { ids, account: 'kim' }, BY)).toEqual({ revoked: [one.id] })
    expect([await isThere(two.id), await isThere(of_lee.id)]).toEqual([true, true])
    expect(await revokeGrants(dependencies, { ids: [] }, BY)).toEqual({ revoked: [] })
  })

  it('an account that does not exist has no grants', async () => {
    expect(await revokeGrants(dependencies, { account: 'nobody' }, BY)).toEqual({ revoked: [] })
  })

  it('all grants of an account leaves those of others', async () => {
    const [of_lee, of_kim] = [await grant({ account_id: 'usr_lee' }), await grant()]
    expect((await revokeGrants(dependencies, { account: 'lee' }, BY)).revoked).toContain(of_lee.id)
    expect([await isThere(of_lee.id), await isThere(of_kim.id)]).toEqual([false, true])
  })

  it('two operators at the same moment: both are answered, and there is one event for each grant', async () => {
    const resource = `https://${random()}.example`
    const ids = (await Promise.all([grant({ resource }), grant({ resource }), grant({ resource })])).map(
      ({ id }) => id,
    )
    const answers = await Promise.all([1, 2].map(() => revokeGrants(dependencies, { resource }, BY)))
    expect(answers.flatMap(({ revoked }) => revoked).sort()).toEqual(ids.sort())
    for (const id of ids) expect(await revocations(id)).toHaveLength(1)
  })

  it('that cannot be recorded does not happen', async () => {
    const { id } = await grant()
    const closed = new AuditLog(test.database.hot)
    await closed.close()
    await expect(revokeGrants({ db, audit: closed }, { id }, BY)).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(await isThere(id)).toBe(true)
  })
})

describe('revoking a refresh token', () => {
  const revoke = (filter: GrantFilter) => revokeRefreshTokens(dependencies, filter, BY)

  it('ends its whole family', async () => {
    const { id, token_id: refresh_token_id } = await grant()
    expect(await revoke({ refresh_token_id })).toEqual({ revoked: [id] })
    expect(await revoke({ refresh_token_id })).toEqual({ revoked: [] })
  })

  it('beside a condition that its grant does not fulfil revokes nothing', async () => {
    const { id, token_id: refresh_token_id } = await grant()
    for (const other of [
      { client_id: 'another' },
      { account: 'nobody' },
      { id: 'another' },
      { scope: 'none' },
    ])
      expect(await revoke({ refresh_token_id, ...other })).toEqual({ revoked: [] })
    expect(await revoke({ refresh_token_id, id })).toEqual({ revoked: [id] })
  })

  it.each(['', 'x', 'A'.repeat(42), 'A'.repeat(86), '\0', '../../x', '%'])(
    'by %j, which is no id of one, revokes nothing',
    async (refresh_token_id) => {
      expect(await revoke({ refresh_token_id })).toEqual({ revoked: [] })
    },
  )
})
