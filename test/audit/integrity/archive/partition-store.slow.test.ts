import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createAuditPartitions,
  finishedMonths,
  listPartitions,
  mayDropPartitions,
  settleDefaultPartition,
} from '../../../../src/audit/integrity/archive/partition-store.ts'
import { verifyLog } from '../../../../src/audit/integrity/archive/verify-log.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { inMonth, monthStart, newWriter, partitionOf, write } from '../../months.ts'

let test: TestDatabase

beforeEach(async () => {
  test = await createTestDatabase()
})

afterEach(() => test.drop())

async function rowsIn(table: string): Promise<number> {
  const { rows } = await test.database.knex.raw('select count(*) from ??', [table])
  return Number(rows[0].count)
}

describe('partitions ahead', () => {
  it('join without a gap, each exactly one month of UTC, over two ends of a year', async () => {
    const { knex } = test.database
    await createAuditPartitions(knex, 26)
    const months = (await listPartitions(knex)).filter(({ starts_at }) => starts_at !== null)
    expect(months).toHaveLength(27)
    for (const [ahead, month] of months.entries())
      expect(month).toMatchObject({
        name: partitionOf(-ahead),
        starts_at: monthStart(-ahead),
        ends_at: monthStart(-ahead - 1),
      })
  })

  it.each([
    ['America/New_York', 'SQL, MDY'],
    ['Asia/Shanghai', 'SQL, DMY'],
    ['Pacific/Kiritimati', 'German'],
    ['Europe/Berlin', 'Postgres, DMY'],
  ])('have the same bounds when the session is in %s and writes dates as %s', async (zone, style) => {
    const { knex } = test.database
    await knex.transaction(async (trx) => {
      await trx.raw(`select set_config('timezone', ?, true), set_config('datestyle', ?, true)`, [zone, style])
      await createAuditPartitions(trx, 15)
      // In SQL, because the driver reads only dates as ISO writes them.
      const { rows } = await trx.raw('select count(ends_at) as bounded from toolgate_audit_partitions()')
      expect(Number(rows[0].bounded)).toBe(16)
    })
    const created = await listPartitions(knex)
    expect(created.slice(12, 16).map(({ starts_at, ends_at }) => [starts_at, ends_at])).toEqual(
      [12, 13, 14, 15].map((ahead) => [monthStart(-ahead), monthStart(-ahead - 1)]),
    )
  })
})

describe('settleDefaultPartition', () => {
  it('moves rows of clocks that were set back or ahead into their months, and loses none', async () => {
    const { database } = test
    let head = await write(database, newWriter(), inMonth(0), 3)
    head = await write(database, head, inMonth(14), 4)
    head = await write(database, head, inMonth(-30), 5)
    head = await write(database, head, monthStart(13), 1)
    await write(database, head, new Date(monthStart(12).getTime() - 1), 1)
    expect(await rowsIn('audit_events_default')).toBe(11)
    expect(await settleDefaultPartition(database.knex)).toBe(11)
    expect(await rowsIn('audit_events_default')).toBe(0)
    expect([await rowsIn(partitionOf(14)), await rowsIn(partitionOf(13))]).toEqual([4, 2])
    expect(await rowsIn(partitionOf(-30))).toBe(5)
    expect(await verifyLog(database.knex)).toMatchObject({ rows: 14, fault_count: 0 })
    expect(await settleDefaultPartition(database.knex)).toBe(0)
  })

  it('leaves tables that are append-only, and indexes as the others have them', async () => {
    const { knex } = test.database
    await write(test.database, newWriter(), inMonth(5), 2)
    await settleDefaultPartition(knex)
    for (const table of [partitionOf(5), 'audit_events_default']) {
      for (const change of [`update ${table} set tool = null`, `delete from ${table}`, `truncate ${table}`])
        await expect(knex.raw(change), change).rejects.toThrow('append-only')
      const { rows } = await knex.raw(
        `select count(*) as indexes, count(inhparent) as attached from pg_index
         left join pg_inherits on inhrelid = indexrelid where indrelid = ?::regclass`,
        [table],
      )
      const { rows: parent } = await knex.raw(
        `select count(*) as indexes from pg_index where indrelid = 'audit_events'::regclass`,
      )
      expect(rows[0]).toEqual({ indexes: parent[0].indexes, attached: parent[0].indexes })
    }
  })

  it('frees the month for events that come later', async () => {
    const { database } = test
    const head = await write(database, newWriter(), inMonth(-20), 1)
    await createAuditPartitions(database.knex, 20)
    await settleDefaultPartition(database.knex)
    await createAuditPartitions(database.knex, 20)
    await write(database, head, inMonth(-20, 20), 1)
    expect(await rowsIn(partitionOf(-20))).toBe(2)
    expect((await listPartitions(database.knex)).length).toBe(22)
  })

  it('changes nothing while somebody reads the log, and says so', async () => {
    const { database } = test
    await write(database, newWriter(), inMonth(5), 2)
    const reader = await database.knex.transaction()
    await reader.raw('select from audit_events limit 1')
    await expect(settleDefaultPartition(database.knex)).rejects.toMatchObject({ code: '55P03' })
    await reader.rollback()
    expect(await rowsIn('audit_events_default')).toBe(2)
    expect(await settleDefaultPartition(database.knex)).toBe(2)
  })
})

describe('finishedMonths', () => {
  it('are those that are over, oldest first, and leave as many as are asked for', async () => {
    const { database } = test
    for (const ago of [1, 2, 3, 14]) await write(database, newWriter(), inMonth(ago), 1)
    await settleDefaultPartition(database.knex)
    const names = async (months: number) =>
      (await finishedMonths(database.knex, months)).map(({ name }) => name)
    expect(await names(1)).toEqual([14, 3, 2].map(partitionOf))
    expect(await names(2)).toEqual([14, 3].map(partitionOf))
    expect(await names(13)).toEqual([partitionOf(14)])
    expect(await names(14)).toEqual([])
  })
})

describe('mayDropPartitions', () => {
  it('is true for the owner of the table only', async () => {
    const { knex } = test.database
    expect(await mayDropPartitions(knex)).toBe(true)
    const role = `limited_${process.pid}`
    const trx = await knex.transaction()
    await trx.raw('create role ??', [role])
    await trx.raw('set local role ??', [role])
    expect(await mayDropPartitions(trx)).toBe(false)
    await trx.rollback()
  })
})
