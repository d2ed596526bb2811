import { afterAll, beforeAll, expect, it } from 'vitest'
import { verifyPeriod } from '../../../../src/audit/integrity/archive/verify-log.ts'
import { AuditLog } from '../../../../src/audit/log/audit-log.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { decided } from '../../rows.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  const log = new AuditLog(test.database.hot)
  for (let index = 0; index < 30; index += 1) await log.append(decided(index))
})
afterAll(() => test.drop())

const db = () => test.database.knex
const everything = () => ({ from: new Date(0), to: new Date(Date.now() + 60_000) })

it('verifies the rows of a period, part by part where there are too many', async () => {
  expect(await verifyPeriod(db(), everything())).toMatchObject({
    rows: 31,
    writers: 1,
    fault_count: 0,
    cut_short: false,
  })
  const { to: end } = everything()
  let from = new Date(0)
  let rows = 0
  let is_cut = true
  while (is_cut) {
    const part = await verifyPeriod(db(), { from, to: end }, 10)
    expect(part).toMatchObject({ fault_count: 0, from })
    expect(part.to > from).toBe(true)
    rows += part.rows
    from = part.to
    is_cut = part.cut_short
  }
  expect(rows).toBe(31)
})

it('verifies one period at a time, and none that ends before it begins', async () => {
  const first = verifyPeriod(db(), everything())
  await expect(verifyPeriod(db(), everything())).rejects.toMatchObject({ code: 'unavailable' })
  await first
  const backwards = verifyPeriod(db(), { from: new Date(2), to: new Date(1) })
  await expect(backwards).rejects.toMatchObject({ code: 'invalid_input' })
})

it('names the row that was changed', async () => {
  await db().raw('alter table audit_events disable trigger all')
  const partitions: { rows: { name: string }[] } = await db().raw(
    `select distinct tableoid::regclass::text as name from audit_events`,
  )
  for (const { name } of partitions.rows) await db().raw(`alter table ?? disable trigger all`, [name])
  await db()('audit_events').where({ seq: 7 }).update({ tool: 'another' })
  const { fault_count, faults } = await verifyPeriod(db(), everything())
  expect(fault_count).toBe(1)
  expect(faults[0]).toMatchObject({ seq: 7, kind: 'edited' })
})
