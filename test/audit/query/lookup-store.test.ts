import { afterAll, beforeAll, expect, it } from 'vitest'
import { summariseAuditIds } from '../../../src/audit/integrity/archive/partition-store.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { findByRandomId } from '../../../src/audit/query/lookup-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
  const log = new AuditLog(test.database.hot)
  for (let at = 0; at < 3_000; at += 500)
    await log.append(Array.from({ length: 500 }, (_, index) => decided(at + index)))
})
afterAll(() => test.drop())

const find = (column: 'id' | 'request_id', value: string) => findByRandomId(test.database.knex, column, value)

it('any event is found by the id of its request and by its own, before and after maintenance', async () => {
  for (const maintained of [false, true]) {
    if (maintained) expect(await summariseAuditIds(test.database.knex)).toBeGreaterThan(0)
    for (const index of [0, 1_234, 2_999]) {
      const [event, ...more] = await find('request_id', `req_${index}`)
      expect(more).toEqual([])
      expect(await find('id', event!.id)).toEqual([event])
      expect(event).toMatchObject({ tool: `tool_${index}` })
    }
  }
  expect(await find('request_id', 'req_of_nobody')).toEqual([])
})
