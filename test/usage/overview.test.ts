import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { overview } from '../../src/usage/overview.ts'
import { countLiveGrants } from '../../src/usage/overview-store.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let db: Toolgate['dependencies']['db']

beforeAll(async () => {
  toolgate = await Toolgate.start()
  db = toolgate.dependencies.db
})
afterAll(() => toolgate.close())

const count = (tool: string, decision: string, calls: number, hours_ago: number) =>
  db('usage_hours').insert({
    hour: db.raw("date_trunc('hour', now()) - make_interval(hours => ?)", [hours_ago]),
    resource: RESOURCE,
    tool,
    decision,
    calls,
  })

/** A personal access token as its table has it. */
async function personalToken(id: string, days: number): Promise<void> {
  const { id: account_id } = await toolgate.account()
  await db('grants').insert({
    id,
    account_id,
    client_id: 'personal-access-token',
    resource: RESOURCE,
    scope: 'notes:read',
    payload: {},
    expires_at: db.raw('now() + make_interval(days => ?)', [days]),
  })
  await db('personal_access_tokens').insert({
    grant_id: id,
    name: `name of ${id}`,
    role: 'custom',
    created_by: account_id,
    newest_value: randomBytes(32),
  })
}

describe('overview', () => {
  it('of a new installation is empty and says that no checkpoint was signed', async () => {
    const { hours, denied_tools, live_grants, checkpoint } = await overview(db)
    expect(hours).toHaveLength(24)
    expect(hours.every((hour) => hour.allowed + hour.denied + hour.other === 0)).toBe(true)
    expect([denied_tools, live_grants, checkpoint]).toEqual([
      [],
      { count: 0, exact: true },
      { created_at: null, fresh: false },
    ])
  })

  it('counts calls by hour and by tool, with hours of silence between', async () => {
    await count('get_note', 'allowed', 5, 0)
    await count('delete_note', 'denied', 3, 2)
    await count('', 'inactive', 1, 2)
    await count('delete_note', 'denied', 4, 30)
    await count('delete_note', 'denied', 100, 24 * 8)
    const { hours, denied_tools, used_tools } = await overview(db)
    const counts = hours.slice(-3).map(({ allowed, denied, other }) => [allowed, denied, other])
    expect(counts).toEqual([
      [0, 3, 1],
      [0, 0, 0],
      [5, 0, 0],
    ])
    expect(hours.map(({ hour }) => hour.getTime())).toEqual(
      hours.map((_, index) => hours[0]!.hour.getTime() + index * 3_600_000),
    )
    expect(denied_tools).toEqual([{ resource: RESOURCE, tool: 'delete_note', calls: 7 }])
    expect(used_tools).toEqual([{ resource: RESOURCE, tool: 'get_note', calls: 5 }])
  })

  it('names tokens that expire within 14 days, the next first, and no others', async () => {
    await personalToken('later', 13)
    await personalToken('soon', 2)
    await personalToken('far', 15)
    await personalToken('gone', -1)
    await toolgate.operatorToken()
    const { expiring } = await overview(db)
    expect(expiring.personal_tokens.map(({ grant_id }) => grant_id)).toEqual(['soon', 'later'])
    expect(expiring.operator_tokens.map(({ name }) => name)).toEqual(['test'])
  })

  it('tells the newest refusals of the last day, and nothing of what was allowed', async () => {
    await toolgate.post('/sign-in', { username: 'nobody', password: 'wrong password' })
    await toolgate.fetch('/operator/api/v1/grants')
    const { refusals } = await overview(db)
    expect(refusals.map(({ type }) => type)).toEqual(['operator.refused', 'login.failed'])
  })

  it('calls a checkpoint fresh for two intervals and a minute', async () => {
    const sign = (seconds_ago: number) =>
      db('audit_checkpoints').insert({
        created_at: db.raw('now() - make_interval(secs => ?)', [seconds_ago]),
        digest: Buffer.alloc(32, seconds_ago % 251),
        jws: `at ${seconds_ago}`,
      })
    await sign(200)
    expect((await overview(db, 60)).checkpoint.fresh).toBe(false)
    expect((await overview(db, 3_600)).checkpoint.fresh).toBe(true)
    await sign(100)
    expect((await overview(db, 60)).checkpoint.fresh).toBe(true)
  })
})

it('live grants beyond the bound are estimated and said to be', async () => {
  expect(await countLiveGrants(db, 1)).toMatchObject({ exact: false })
  expect((await countLiveGrants(db, 1)).count).toBeGreaterThanOrEqual(2)
  expect(await countLiveGrants(db, 100)).toEqual({ count: 3, exact: true })
})
