import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { showGrant } from '../../src/grants/grants.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { UsageRecorder, type Use } from '../../src/usage/usage.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { grantOf } from '../support/families.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let test: TestDatabase
let db: Knex

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  await insertAccount(db, { id: 'usr_kim', username: 'kim', password_hash: 'x', roles: [] })
  for (const id of ['g1', 'g2'])
    await putGrant(db, {
      id,
      account_id: 'usr_kim',
      client_id: 'c',
      resource: 'r',
      scope: 's',
      payload: {},
      ttl_seconds: 3_600,
    })
})
afterAll(() => test.drop())

const NOON_MS = Date.parse('2026-11-21T12:00:00Z')
const MINUTE_MS = 60_000
const use = (change: Partial<Use> = {}): Use => ({
  resource: 'r',
  grant_id: 'g1',
  tool: 'get_note',
  decision: 'allowed',
  ...change,
})
const lastUsed = async (id: string) => (await db('grants').where({ id }).first('last_used_at')).last_used_at
const uses = (grant_id: string) =>
  db('grant_tool_uses').where({ grant_id }).orderBy('tool').select('tool', 'allowed', 'denied')

async function recorded(...given: [Use, number][]): Promise<void> {
  const recorder = new UsageRecorder(db)
  for (const [each, at_ms] of given) recorder.record(each, at_ms)
  await recorder.close()
}

describe('what was used', () => {
  it('adds up over flushes and instances, by grant and tool and by hour', async () => {
    const resource = 'https://adds-up.example'
    const one = use({ resource })
    const denied = use({ resource, tool: 'delete_note', decision: 'denied' })
    await Promise.all([
      recorded([one, NOON_MS], [one, NOON_MS + 2 * MINUTE_MS], [denied, NOON_MS + 1]),
      recorded([denied, NOON_MS], [one, NOON_MS + 60 * MINUTE_MS]),
    ])
    await recorded([use({ resource, grant_id: undefined, tool: '', decision: 'inactive' }), NOON_MS])
    expect(await uses('g1')).toEqual([
      { tool: 'delete_note', allowed: 0, denied: 2 },
      { tool: 'get_note', allowed: 3, denied: 0 },
    ])
    const hours = await db('usage_hours').where({ resource }).orderBy(['hour', 'tool', 'decision'])
    expect(
      hours.map(({ hour, tool, decision, calls }) => [hour.getUTCHours(), tool, decision, calls]),
    ).toEqual([
      [12, '', 'inactive', 1],
      [12, 'delete_note', 'denied', 2],
      [12, 'get_note', 'allowed', 2],
      [13, 'get_note', 'allowed', 1],
    ])
  })

  it('moves last_used_at on, by minutes, and never back', async () => {
    await recorded([use({ grant_id: 'g2' }), NOON_MS])
    expect(await lastUsed('g2')).toEqual(new Date(NOON_MS))
    for (const at_ms of [NOON_MS + 1_000, NOON_MS - 60 * MINUTE_MS]) {
      await recorded([use({ grant_id: 'g2' }), at_ms])
      expect(await lastUsed('g2')).toEqual(new Date(NOON_MS))
    }
    await recorded([use({ grant_id: 'g2' }), NOON_MS + 2 * MINUTE_MS])
    expect(await lastUsed('g2')).toEqual(new Date(NOON_MS + 2 * MINUTE_MS))
  })

  it('by a grant that is gone is skipped, and what came with it is written', async () => {
    await recorded([use({ grant_id: 'gone' }), NOON_MS], [use({ tool: 'beside' }), NOON_MS])
    expect(await uses('gone')).toEqual([])
    expect(await uses('g1')).toContainEqual({ tool: 'beside', allowed: 1, denied: 0 })
  })

  it('is written in steps when it is much', async () => {
    await recorded(
      ...Array.from({ length: 2_500 }, (_, n): [Use, number] => [
        use({ grant_id: 'g2', tool: `t${n}` }),
        NOON_MS,
      ]),
    )
    expect(await db('grant_tool_uses').where({ grant_id: 'g2' }).andWhereLike('tool', 't%')).toHaveLength(
      2_500,
    )
  })
})

describe('what cannot be written', () => {
  it('is kept for the next time, with nothing twice', async () => {
    const recorder = new UsageRecorder(db)
    recorder.record(use({ tool: 'kept' }), NOON_MS)
    await db.raw('alter table grant_tool_uses rename to away')
    await recorder.flush()
    await db.raw('alter table away rename to grant_tool_uses')
    recorder.record(use({ tool: 'kept' }), NOON_MS)
    await recorder.close()
    expect(await uses('g1')).toContainEqual({ tool: 'kept', allowed: 2, denied: 0 })
  })

  it('is dropped and counted beyond the bound, and neither recording nor closing fails', async () => {
    const nowhere = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
    const warnings: object[] = []
    const recorder = new UsageRecorder(
      nowhere.knex,
      { warn: (values) => warnings.push(values) },
      { kept_max: 2 },
    )
    for (let n = 0; n < 5; n += 1) recorder.record(use({ grant_id: undefined, tool: `${n}` }), NOON_MS)
    await recorder.close()
    for (let n = 0; n < 5; n += 1) recorder.record(use({ grant_id: undefined, tool: `${n}` }), NOON_MS)
    await recorder.flush()
    expect(recorder.dropped).toBeGreaterThan(0)
    expect(warnings.length).toBeGreaterThan(0)
    await nowhere.close()
  })
})

describe('a server', () => {
  it('counts what it decided, and names that are in no catalogue as one', async () => {
    const toolgate = await Toolgate.start()
    const rs = await toolgate.resourceServer()
    const { person } = await toolgate.account()
    const { access_token, refresh_token } = await toolgate.tokens(
      person(),
      (await toolgate.register()).client_id,
    )
    const id = await grantOf(toolgate, refresh_token)
    const ask = (more: Record<string, string>) => toolgate.introspect(rs, access_token, more)
    for (const name of ['get_note', 'get_note', 'delete_note', 'made', 'up'])
      await ask({ mcp_method: 'tools/call', mcp_name: name })
    await ask({ mcp_method: 'prompts/get', mcp_name: 'made up' })
    await ask({})
    await toolgate.introspect(rs, 'A'.repeat(43))
    await toolgate.app.usage.flush()
    const { tools_used, last_used_at, receiver } = await showGrant(toolgate.dependencies, id)
    const counts = tools_used.map(({ tool, allowed, denied }) => [tool, allowed, denied])
    expect(counts.sort()).toEqual([
      ['(unknown)', 0, 2],
      ['', 1, 1],
      ['delete_note', 0, 1],
      ['get_note', 2, 0],
    ])
    expect([last_used_at instanceof Date, receiver]).toEqual([true, '127.0.0.1:33418'])
    const hours = await toolgate.db.database
      .knex('usage_hours')
      .where({ resource: RESOURCE, decision: 'inactive' })
    expect(hours).toMatchObject([{ tool: '', calls: 1 }])
    await toolgate.close()
  })
})
