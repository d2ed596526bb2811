import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { joinCallers, pageOfCallers } from '../../../src/audit/query/callers-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
  const log = new AuditLog(test.database.hot)
  // Moments of 1 to 7 calls, so that pages must not split them.
  for (let index = 0; index < 140; index += 7)
    await log.append(Array.from({ length: 7 }, (_, n) => ({ ...decided(index + n), tool: 'search_notes' })))
  await log.append({ ...decided(1), tool: 'delete_note' })
})
afterAll(() => test.drop())

const db = () => test.database.knex
const from = new Date(0)

describe('who called a tool', () => {
  it('names every account and client with exact counts, the newest first', async () => {
    const { callers, counted_from } = await pageOfCallers(db(), { tool: 'search_notes', from })
    expect(counted_from).toBeUndefined()
    expect(callers).toHaveLength(7)
    expect(callers.map(({ calls }) => calls)).toEqual(Array(7).fill(20))
    expect(callers[0]).toMatchObject({ client_id: 'https://client.example/metadata.json', denied: 10 })
    const times = callers.map(({ last_at }) => last_at.getTime())
    expect(times).toEqual([...times].sort((one, other) => other - one))
    expect((await pageOfCallers(db(), { tool: 'delete_note', from })).callers).toHaveLength(1)
    expect(await pageOfCallers(db(), { tool: 'search_notes', from, to: from })).toEqual({ callers: [] })
  })

  it('counts every call once, whatever the size of a page', async () => {
    for (const size of [1, 5, 7, 50, 139, 140]) {
      let calls = 0
      let to: Date | undefined
      do {
        const page = await pageOfCallers(db(), { tool: 'search_notes', from, to }, size)
        calls += page.callers.reduce((sum, caller) => sum + caller.calls, 0)
        to = page.counted_from
      } while (to)
      expect([size, calls]).toEqual([size, 140])
    }
  })

  it('adds pages up to what one page would say', async () => {
    const whole = await pageOfCallers(db(), { tool: 'search_notes', from })
    let joined: Parameters<typeof joinCallers>[1] = await pageOfCallers(
      db(),
      { tool: 'search_notes', from },
      20,
    )
    while (joined.counted_from) {
      const to = joined.counted_from
      joined = joinCallers(joined, await pageOfCallers(db(), { tool: 'search_notes', from, to }, 20))
    }
    expect(joined).toEqual(whole)
  })
})
