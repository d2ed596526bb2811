import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { findEventInPlace } from '../../../src/audit/query/event-store.ts'
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
