import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import type { AuditFilter } from '../../../src/audit/query/audit-filter.ts'
import { type EventPage, pageEvents, scanEvents } from '../../../src/audit/query/audit-store.ts'
import { eventKeys } from '../../../src/audit/query/search-path-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  const logs = [new AuditLog(test.database.hot), new AuditLog(test.database.hot)]
  await Promise.all(Array.from({ length: 60 }, (_, index) => logs[index % 2]!.append(decided(index))))
})

afterAll(() => test.drop())

describe('pageEvents', () => {
  it('gives every event once, newest first, page by page', async () => {
    const seen: { at: number; id: string }[] = []
    let after: string | undefined
    do {
      const page = await pageEvents(test.database.knex, { after }, 7)
      expect(page.events.length).toBeLessThanOrEqual(7)
      seen.push(...page.events.map(({ occurred_at, id }) => ({ at: occurred_at.getTime(), id })))
      after = page.next
    } while (after !== undefined)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(62)
    expect(seen.map(({ at }) => at)).toEqual(seen.map(({ at }) => at).sort((a, b) => b - a))
  })

  it('filters by what was recorded', async () => {
    const count = async (filter: Parameters<typeof pageEvents>[1]) =>
      (await pageEvents(test.database.knex, filter, 1_000)).events.length
    expect(await count({ type: 'writer.started' })).toBe(2)
    expect(await count({ account_id: 'usr_3' })).toBe(9)
    expect(await count({ grant_id: 'grant_1', type: 'tool.decided' })).toBe(12)
    expect(await count({ tool: 'tool_5\u0000' })).toBe(1)
    expect(await count({ actor: 'account:usr_3' })).toBe(9)
    expect(await count({ actor: 'account' })).toBe(60)
    expect(await count({ actor: 'server' })).toBe(2)
    expect(await count({ actor: 'client:usr_3' })).toBe(0)
    expect(await count({ actor: 'server:' })).toBe(0)
    expect(await count({ client_id: 'nobody' })).toBe(0)
    expect(await count({ to: new Date(0) })).toBe(0)
    expect(await count({ from: new Date(0), to: new Date('2999-01-01') })).toBe(62)
  })

  it.each([
    { client_id: 'https://client.example/metadata.json' },
    { decision: 'denied' },
    { actor: 'account:usr_3', decision: 'denied' },
    { account_id: 'usr_3', decision: 'denied' },
    { tool: 'tool_5', decision: 'denied' },
    { type: 'writer.started', resource: 'nowhere' },
    { request_id: 'req_9' },
    { grant_id: 'grant_1', from: new Date(0), to: new Date('2999-01-01') },
  ] satisfies AuditFilter[])(
    'looks for %j through a few rows at a time, and finds what one look finds',
    async (filter) => {
      const at_once = await pageEvents(test.database.knex, filter, 1_000)
      expect(at_once).not.toHaveProperty('next')
      for (const window of [1, 3, 20]) {
        const seen: string[] = []
        let page: EventPage = { events: [] }
        let pages = 0
        do {
          page = await pageEvents(test.database.knex, { ...filter, after: page.next }, 2, window)
          seen.push(...page.events.map(({ id }) => id))
          pages += 1
        } while (page.next !== undefined && pages < 200)
        expect(seen).toEqual(at_once.events.map(({ id }) => id))
        const scanned: string[] = []
        for await (const rows of scanEvents(test.database.knex, filter, 2, window))
          scanned.push(...rows.map(({ id }) => id))
        expect(scanned).toEqual(seen.toReversed())
      }
    },
  )

  it('says how far back it looked when it found less than a page', async () => {
    const { events, next, searched_to } = await pageEvents(
      test.database.knex,
      { client_id: 'nobody' },
      10,
      20,
    )
    expect(events).toEqual([])
    expect(eventKeys.read(next)?.occurred_at).toEqual(searched_to)
  })

  it('refuses a date that is none', async () => {
    const page = pageEvents(test.database.knex, { from: new Date('never') }, 1)
    await expect(page).rejects.toMatchObject({ code: 'invalid_input' })
  })
})

describe('scanEvents', () => {
  it('gives every event that matches once, oldest first, whatever the size of its pages', async () => {
    for (const rows of [1, 7, 60, 1_000]) {
      const events = []
      for await (const page of scanEvents(test.database.knex, { type: 'tool.decided' }, rows)) {
        expect(page.length).toBeLessThanOrEqual(rows)
        events.push(...page)
      }
      expect(new Set(events.map(({ id }) => id)).size).toBe(60)
      const times = events.map(({ occurred_at }) => occurred_at.getTime())
      expect(times).toEqual([...times].sort((one, other) => one - other))
    }
  })
})
