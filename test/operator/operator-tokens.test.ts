import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { pageEvents } from '../../src/audit/reading/audit-store.ts'
import { sha256 } from '../../src/clients/client-secret.ts'
import { findOperatorToken, listOperatorTokens } from '../../src/operator/operator-token-store.ts'
import {
  createOperatorToken,
  OPERATOR_TOKEN,
  revokeOperatorToken,
} from '../../src/operator/operator-tokens.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

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
  createOperatorToken({ db: test.database.knex, audit }, { name: 'laptop', days, actor: 'test' })

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
    expect(events).toMatchObject([{ actor: 'test', detail: { operator_token: id, days: 1 } }])
    expect(JSON.stringify(events)).not.toContain(token)
  })

  it.each([0, -1, 366, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('cannot live %d days', async (days) => {
    await expect(create(days)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('that was revoked is not found, and cannot be revoked again', async () => {
    const dependencies = { db: test.database.knex, audit }
    const { id, token } = await create()
    await revokeOperatorToken(dependencies, { id, actor: 'test' })
    expect(await findOperatorToken(dependencies.db, sha256(token))).toBeUndefined()
    await expect(revokeOperatorToken(dependencies, { id, actor: 'test' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
