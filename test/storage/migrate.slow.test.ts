import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/storage/database.ts'
import { assertMigrated, migrateDown, migrateUp, migrationStatus } from '../../src/storage/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

describe('migrations of a fresh database', () => {
  let test: TestDatabase
  beforeEach(async () => {
    test = await createTestDatabase({ from: 'nothing' })
  })
  afterEach(() => test.drop())

  it('are all pending, and asking writes nothing', async () => {
    const { applied, pending } = await migrationStatus(test.database.knex)
    expect(applied).toEqual([])
    expect(pending[0]).toBe('001_accounts')
    expect(await test.database.knex.schema.hasTable('knex_migrations')).toBe(false)
  })

  it('are applied in order by up, once', async () => {
    const { pending } = await migrationStatus(test.database.knex)
    expect(await migrateUp(test.database.knex)).toEqual(pending)
    expect(await migrationStatus(test.database.knex)).toEqual({ applied: pending, pending: [], unknown: [] })
    expect(await migrateUp(test.database.knex)).toEqual([])
  })

  it('are undone one by one by down, and can be applied again', async () => {
    const names = await migrateUp(test.database.knex)
    for (const name of names.toReversed()) expect(await migrateDown(test.database.knex)).toEqual([name])
    expect(await migrateDown(test.database.knex)).toEqual([])
    expect(await migrateUp(test.database.knex)).toEqual(names)
  })

  it('leave nothing behind when all are undone', async () => {
    const names = await migrateUp(test.database.knex)
    for (const _ of names) await migrateDown(test.database.knex)
    const left = await test.database.knex.raw(`
      SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'knex_%'
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%knex_%'`)
    expect(left.rows).toEqual([])
  })

  it('are applied exactly once by concurrent migrators', async () => {
    const other = openDatabase({ url: test.url })
    const { pending } = await migrationStatus(test.database.knex)
    const results = await Promise.all([migrateUp(test.database.knex), migrateUp(other.knex)])
    await other.close()
    expect(results.flat()).toEqual(pending)
  })

  it('wait for a migrator at work, but not for one that died', async () => {
    const other = openDatabase({ url: test.url })
    const names = await migrateUp(other.knex)
    const died = other.knex.transaction(async (trx) => {
      await trx.raw('SELECT pg_advisory_xact_lock(?, 1)', [0x746f6f6c])
      const waiting = migrateDown(test.database.knex)
      await trx.raw('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {})
      return waiting
    })
    await expect(died).rejects.toThrow()
    expect(await migrateUp(test.database.knex)).toEqual(names.slice(-1))
    await other.close()
  })

  it('must be complete before serving, and the error says what to run', async () => {
    await expect(assertMigrated(test.database.knex)).rejects.toThrow(/001_accounts.*`toolgate migrate`/)
    await migrateUp(test.database.knex)
    await migrateDown(test.database.knex)
    await expect(assertMigrated(test.database.knex)).rejects.toThrow('`toolgate migrate`')
    await migrateUp(test.database.knex)
    await assertMigrated(test.database.knex)
  })

  it('of a newer release are neither served nor migrated', async () => {
    await migrateUp(test.database.knex)
    await test.database
      .knex('knex_migrations')
      .insert({ name: '999_later', batch: 9, migration_time: new Date() })
    await expect(assertMigrated(test.database.knex)).rejects.toThrow(/999_later of a newer release/)
    await expect(migrateUp(test.database.knex)).rejects.toThrow(/999_later of a newer release/)
  })
})
