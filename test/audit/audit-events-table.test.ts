import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { decided } from './rows.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  await new AuditLog(test.database.hot).append([decided(1), decided(2), decided(3)])
})

afterAll(() => test.drop())

async function partitions(): Promise<string[]> {
  const { rows } = await test.database.knex.raw(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_events'::regclass order by 1`,
  )
  return rows.map(({ name }: { name: string }) => name)
}

describe('the table audit_events', () => {
  it('refuses UPDATE, DELETE and TRUNCATE, itself and each of its partitions', async () => {
    const tables = ['audit_events', ...(await partitions())]
    expect(tables.length).toBe(15)
    for (const table of tables) {
      for (const change of [`update ${table} set tool = null`, `delete from ${table}`, `truncate ${table}`])
        await expect(test.database.knex.raw(change), change).rejects.toThrow('append-only')
    }
  })

  it('refuses them also where ordinary triggers are off', async () => {
    const change = test.database.knex.transaction(async (trx) => {
      await trx.raw('set local session_replication_role = replica')
      await trx('audit_events').delete()
    })
    await expect(change).rejects.toThrow('append-only')
  })

  it('gets partitions for the months ahead, each append-only, and none twice', async () => {
    const { knex } = test.database
    const create = async (months: number) =>
      (await knex.raw('select toolgate_create_audit_partitions(?) as created', [months])).rows[0].created
    expect(await create(12)).toBe(0)
    expect(await create(14)).toBe(2)
    for (const name of (await partitions()).slice(-3))
      await expect(knex.raw(`truncate ${name}`)).rejects.toThrow('append-only')
  })

  it('takes events of a month without partition, and leaves them where they are', async () => {
    const { knex } = test.database
    await knex
      .transaction(async (trx) => {
        await trx.raw(`insert into audit_events (occurred_at, writer_id, seq, id, type, actor_kind, prev_hash, hash)
                     select now() + interval '20 months', gen_random_uuid(), 1, gen_random_uuid(), 'x', 'x', hash, hash
                     from audit_events limit 1`)
        const { rows } = await trx.raw('select toolgate_create_audit_partitions(20) as created')
        expect(rows[0].created).toBe(5)
        expect(await trx('audit_events_default').pluck('type')).toEqual(['x'])
        await trx.rollback()
      })
      .catch((error) => expect(error.message).toContain('Transaction rejected'))
  })

  it('shows a change made past the triggers', async () => {
    const { knex } = test.database
    await knex.transaction(async (trx) => {
      await trx.raw('alter table audit_events disable trigger all')
      await trx('audit_events').where({ seq: 3 }).update({ decision: 'allowed', tool: 'delete_note' })
    })
    const { faults } = await verifyChains(knex)
    expect(faults).toMatchObject([{ seq: 3, kind: 'edited' }])
  })
})
