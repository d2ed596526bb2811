import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../../src/audit/events/audit-event.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { groupActivity, pageOfActivity } from '../../../src/audit/query/activity.ts'
import type { ActivityRow } from '../../../src/audit/query/activity-store.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let test: TestDatabase
let audit: AuditLog

beforeAll(async () => {
  test = await createTestDatabase()
  audit = new AuditLog(test.database.hot)
})
afterAll(async () => {
  await audit.close()
  await test.drop()
})

const row = (type: string, time: string, more: Partial<ActivityRow> = {}): ActivityRow => ({
  occurred_at: new Date(`2026-11-21T${time}Z`),
  writer_id: randomUUID(),
  seq: 1,
  type,
  actor_kind: 'account',
  actor_id: 'me',
  client_id: 'cl_1',
  resource: null,
  tool: null,
  decision: null,
  scope: null,
  grant_id: 'gr_1',
  ip: null,
  detail: null,
  ...more,
})
const call = (time: string, tool: string, decision = 'allowed', grant_id = 'gr_1') =>
  row('tool.decided', time, { tool, decision, grant_id })

describe('groupActivity', () => {
  it('tells calls of one tool by one app within an hour as one, at the place of the newest', () => {
    const told = groupActivity([
      call('12:30:00', 'search', 'denied'),
      row('login.succeeded', '12:20:00'),
      call('12:10:00', 'search'),
      call('12:05:00', 'search', 'allowed', 'gr_2'),
      call('11:59:59', 'search'),
    ])
    expect(told.map(({ event, count, denied }) => [event.type, event.grant_id, count, denied])).toEqual([
      ['tool.decided', 'gr_1', 2, 1],
      ['login.succeeded', 'gr_1', 1, 0],
      ['tool.decided', 'gr_2', 1, 0],
      ['tool.decided', 'gr_1', 1, 0],
    ])
  })

  it('leaves out what the engine does in between', () => {
    expect(
      groupActivity([row('token.refreshed', '12:00:00'), row('authorization.granted', '11:00:00')]),
    ).toEqual([])
  })
})

describe('pageOfActivity', () => {
  const event = (account_id: string, ip: string): AuditEvent => ({
    type: 'login.succeeded',
    actor: { kind: 'account', id: account_id },
    account_id,
    ip,
  })

  it('tells only of the account, newest first, every event on one page and no other', async () => {
    const ips = Array.from({ length: 7 }, (_, index) => `192.0.2.${index}`)
    for (const ip of ips) {
      await audit.append(event('me', ip))
      await audit.append(event('somebody-else', ip))
    }
    const seen: (string | null)[] = []
    let after: string | undefined
    do {
      const page = await pageOfActivity(test.database.knex, 'me', { after, events: 3 })
      seen.push(...page.activity.map(({ event }) => event.ip))
      after = page.next
    } while (after !== undefined)
    expect(seen.toSorted()).toEqual(ips)
    expect(seen[0]).toBe(ips.at(-1))
  })
})
