import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyChains } from '../../../src/audit/integrity/verification/verify.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { recorded } from '../../../src/audit/log/recorded.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TEST } from '../../support/origins.ts'
import { decided } from '../rows.ts'

let test: TestDatabase

beforeEach(async () => {
  test = await createTestDatabase()
})
afterEach(() => test.drop())

async function countChains(): Promise<number> {
  const { events } = await pageEvents(test.database.knex, { type: 'writer.started' }, 100)
  return events.length
}

describe('several writers', () => {
  it('leave as many whole chains, and every event once', async () => {
    const { knex, hot } = test.database
    const log = new AuditLog(hot, { writers: 3 })
    await Promise.all(Array.from({ length: 500 }, (_, index) => log.append(decided(index))))
    const { events } = await pageEvents(knex, { type: 'tool.decided' }, 1_000)
    expect(new Set(events.map(({ tool }) => tool)).size).toBe(500)
    expect(await verifyChains(knex)).toMatchObject({ rows: 503, writers: 3, fault_count: 0 })
  })

  it('begin when they are needed: one event after the other is one chain', async () => {
    const log = new AuditLog(test.database.hot, { writers: 3 })
    for (const index of [1, 2, 3]) await log.append(decided(index))
    expect(await countChains()).toBe(1)
  })

  it('an event does not wait for a transaction that is slow to commit', async () => {
    const { knex, hot } = test.database
    const log = new AuditLog(hot, { writers: 2 })
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    let began = () => {}
    const committing = new Promise<void>((resolve) => {
      began = resolve
    })
    const slow = recorded({ db: knex, audit: log }, TEST, async (trx, record) => {
      const commit = trx.commit.bind(trx)
      trx.commit = (async () => {
        began()
        await held
        return commit()
      }) as typeof trx.commit
      record(decided(1))
    })
    await committing
    await log.append(decided(2))
    letGo()
    await slow
    expect(await verifyChains(knex)).toMatchObject({ rows: 4, writers: 2, fault_count: 0 })
  })

  it('all end with the log', async () => {
    const log = new AuditLog(test.database.hot, { writers: 2 })
    const waiting = [1, 2, 3].map((index) => log.append(decided(index)))
    await log.close()
    await Promise.all(waiting)
    await expect(log.append(decided(4))).rejects.toMatchObject({ code: 'unavailable' })
  })
})
