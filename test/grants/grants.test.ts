import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { pageEvents } from '../../src/audit/reading/audit-store.ts'
import { sha256 } from '../../src/clients/client-secret.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import {
  type GrantDependencies,
  pageOfGrants,
  pageOfRefreshTokens,
  revokeGrants,
  revokeRefreshToken,
  showGrant,
} from '../../src/grants/grants.ts'
import { insertAccessToken, insertRefreshToken } from '../../src/grants/token-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let db: Knex
let dependencies: GrantDependencies
const BY = { actor: 'operator:test', reason: 'a test', request_id: 'request-1' }

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
  await insertRefreshToken(db, { ...owned, id: sha256(bearer), payload: {} })
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

const isThere = async (id: string) => (await pageOfGrants(dependencies, { id })).length === 1
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
      expect((await pageOfGrants(dependencies, { account, client_id })).map((each) => each.id)).toEqual([id])
    expect(await pageOfGrants(dependencies, { account: 'kim', client_id })).toEqual([])
  })

  it('pages without gaps or repeats, newest first', async () => {
    const resource = `https://${random()}.example`
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) made.unshift((await grant({ resource })).id)
    const seen: string[] = []
    for (let before: string | undefined; ; before = seen.at(-1)) {
      const page = await pageOfGrants(dependencies, { resource }, { limit: 2, before })
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
    }
    expect(seen).toEqual(made)
  })

  it('a page has at most 500 entries, whatever is asked', async () => {
    await expect(pageOfGrants(dependencies, {}, { limit: 1_000_000 })).resolves.toBeInstanceOf(Array)
    await expect(pageOfRefreshTokens(dependencies, {}, { limit: 1_000_000 })).resolves.toBeInstanceOf(Array)
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
        actor: 'operator:test',
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
  it('ends its whole family', async () => {
    const { id, token_id } = await grant()
    expect(await revokeRefreshToken(dependencies, token_id, BY)).toEqual({ revoked: [id] })
    expect(await revokeRefreshToken(dependencies, token_id, BY)).toEqual({ revoked: [] })
  })

  it.each(['', 'x', 'A'.repeat(42), 'A'.repeat(86), '\0', '../../x', '%'])(
    '%j is no id of one',
    async (id) => {
      await expect(revokeRefreshToken(dependencies, id, BY)).rejects.toMatchObject({ code: 'invalid_input' })
    },
  )
})
