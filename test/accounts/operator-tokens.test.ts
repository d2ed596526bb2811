import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findOperatorToken, listOperatorTokens } from '../../src/accounts/operator-token-store.ts'
import {
  createOperatorToken,
  OPERATOR_TOKEN,
  pageOfOperatorTokens,
  revokeOperatorToken,
} from '../../src/accounts/operator-tokens.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

let test: TestDatabase
let audit: AuditLog
beforeAll(async () => {
  test = await createTestDatabase()
  audit = new AuditLog(test.database.hot)
})
afterAll(async () => {
  await audit.close()
  await test.drop()
})

const create = (days = 1) =>
  createOperatorToken({ db: test.database.knex, audit }, { name: 'laptop', days }, TEST)

describe('an operator token', () => {
  it('is shown once, kept as a hash, listed by its id, and recorded', async () => {
    const { knex } = test.database
    const { id, token } = await create()
    expect(token).toMatch(OPERATOR_TOKEN)
    expect(await findOperatorToken(knex, sha256(token))).toEqual({
      id,
      name: 'laptop',
      scope: 'operator:read operator:revoke',
      expires_at: expect.any(Date),
    })
    const listed = JSON.stringify([
      await listOperatorTokens(knex, { limit: 10 }),
      await knex('operator_tokens').select('*'),
    ])
    expect(listed).toContain(id)
    expect(listed).not.toContain(token)
    const { events } = await pageEvents(knex, { type: 'operator_token.created' }, 1)
    expect(events).toMatchObject([
      { actor_kind: 'cli', actor_id: 'test@machine', detail: { operator_token: id, days: 1 } },
    ])
    expect(JSON.stringify(events)).not.toContain(token)
  })

  it.each([0, -1, 366, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('cannot live %d days', async (days) => {
    await expect(create(days)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('that was revoked is not found; revoking it again is no error and no event', async () => {
    const dependencies = { db: test.database.knex, audit }
    const { id, token } = await create()
    expect(await revokeOperatorToken(dependencies, id, TEST)).toEqual({ revoked: [id] })
    expect(await findOperatorToken(dependencies.db, sha256(token))).toBeUndefined()
    expect(await revokeOperatorToken(dependencies, id, TEST)).toEqual({ revoked: [] })
    const { events } = await pageEvents(dependencies.db, { type: 'operator_token.revoked' }, 10)
    expect(events.filter(({ detail }) => detail?.operator_token === id)).toHaveLength(1)
  })
})

describe('the scopes of an operator token', () => {
  const make = (scopes: string[], held?: string[]) =>
    createOperatorToken(
      { db: test.database.knex, audit },
      { name: 'scoped', days: 1, scopes, held: held && new Set(held) },
      TEST,
    )

  it('are kept in one order, each once, with who made it', async () => {
    const { id } = await make(['operator:admin', 'operator:read', 'operator:read'])
    const { operator_tokens } = await pageOfOperatorTokens({ db: test.database.knex }, { limit: 1 })
    expect(operator_tokens).toMatchObject([
      { id, scope: 'operator:read operator:admin', created_by: 'cli:test@machine' },
    ])
  })

  it.each([[[]], [['operator:everything']], [['notes:read']], [['operator:read', '']]])(
    'cannot be %j',
    async (scopes) => {
      await expect(make(scopes)).rejects.toMatchObject({ code: 'invalid_input' })
    },
  )

  it('are no more than what whoever makes it may do', async () => {
    const held = ['operator:read', 'operator:revoke']
    expect(await make(['operator:revoke'], held)).toMatchObject({ token: expect.any(String) })
    await expect(make(['operator:read', 'operator:admin'], held)).rejects.toMatchObject({ code: 'forbidden' })
  })
})

it('pages of operator tokens follow each other without a gap, newest first', async () => {
  const { knex } = test.database
  for (let made = 0; made < 3; made++) await create()
  // Moments that a Date does not tell apart.
  await knex.raw(
    "update operator_tokens set created_at = date_trunc('second', now()) + random() * interval '1 ms'",
  )
  const all = await pageOfOperatorTokens({ db: knex }, { limit: 100 })
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = await pageOfOperatorTokens({ db: knex }, { limit: 2, after })
    seen.push(...page.operator_tokens.map(({ id }) => id))
    after = page.next
  } while (after)
  expect(seen).toEqual(all.operator_tokens.map(({ id }) => id))
})
