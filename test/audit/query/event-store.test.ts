import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { summariseAuditIds } from '../../../src/audit/integrity/archive/partition-store.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { findByRandomId, findEventInPlace } from '../../../src/audit/query/event-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  const logs = [new AuditLog(test.database.hot), new AuditLog(test.database.hot)]
  await Promise.all(Array.from({ length: 40 }, (_, index) => logs[index % 2]!.append(decided(index))))
})
afterAll(() => test.drop())

it('gives an event with what its writer wrote before and after it, and nothing of others', async () => {
  const { events } = await pageEvents(test.database.knex, {}, 1_000)
  for (const event of events) {
    const found = await findEventInPlace(test.database.knex, event.id.toUpperCase())
    expect(found.event).toEqual(event)
    const chain = events
      .filter(({ writer_id }) => writer_id === event.writer_id)
      .sort((one, other) => one.seq - other.seq)
    const at = chain.findIndex(({ id }) => id === event.id)
    expect(found.before).toEqual(chain.slice(Math.max(0, at - 5), at))
    expect(found.after).toEqual(chain.slice(at + 1, at + 6))
  }
})

it.each([randomUUID(), 'x', "' or 1=1", '', '0'.repeat(2_048)])('does not find %s', async (id) => {
  await expect(findEventInPlace(test.database.knex, id)).rejects.toMatchObject({ code: 'not_found' })
})

describe('a log of many events', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
    const log = new AuditLog(test.database.hot)
    for (let at = 0; at < 3_000; at += 500)
      await log.append(Array.from({ length: 500 }, (_, index) => decided(at + index)))
  })
  afterAll(() => test.drop())

  const find = (column: 'id' | 'request_id', value: string) =>
    findByRandomId(test.database.knex, column, value)

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
})
