// Strangers who make the append-only log grow, by every way that causes a row.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REFUSAL_LIMITS } from '../../src/audit/log/refusal-counter.ts'
import { Toolgate } from '../support/toolgate.ts'
import { auditRows, FLOODS } from './log-flood.ts'

/** A minute that is not over before the test is. */
const LIMITS = { ...REFUSAL_LIMITS, minute_ms: 60 * 60_000 }

let toolgate: Toolgate
let client_id: string
beforeAll(async () => {
  toolgate = await Toolgate.start({
    refusals: LIMITS,
    env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1', TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '1000' },
  })
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

let networks = 0
const network = () => `203.${(++networks >> 8) & 255}.${networks & 255}.9`

/** In lots, so that nothing is turned away because too much comes at once. */
async function send(count: number, one: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = []
  for (let sent = 0; sent < count; sent += 10)
    statuses.push(...(await Promise.all(Array.from({ length: 10 }, async () => (await one()).status))))
  return statuses
}

describe('without credentials', () => {
  it.each(Object.entries(FLOODS))(
    '%s: 60 from one network are 20 rows, and one when the minute is over',
    async (_, attack) => {
      const headers = { 'x-forwarded-for': network() }
      await attack(toolgate, headers, client_id)
      const before = await auditRows(toolgate)
      const statuses = await send(60, () => attack(toolgate, headers, client_id))
      expect(statuses.filter((status) => status === 500)).toEqual([])
      expect((await auditRows(toolgate)) - before).toBeLessThanOrEqual(LIMITS.of_network)
    },
  )

  it('all of them from 600 networks stay within the bound of all networks', async () => {
    const fresh = await Toolgate.start({
      beside: toolgate,
      refusals: { ...LIMITS, of_network: 2, of_all: 30, networks: 5 },
      env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' },
    })
    const attacks = Object.entries(FLOODS).filter(([name]) => !name.includes('sign-in'))
    const before = await auditRows(toolgate)
    let turn = 0
    await send(600, () =>
      attacks[turn++ % attacks.length]![1](fresh, { 'x-forwarded-for': network() }, client_id),
    )
    await fresh.close()
    const rows = (await auditRows(toolgate)) - before
    expect(rows).toBeLessThanOrEqual(30 + 6)
    const counted = await toolgate.db.database
      .knex('audit_events')
      .where({ type: 'refusals.counted' })
      .pluck('detail')
    const told = counted.reduce((sum, { count }) => sum + count, 0)
    expect(counted.length).toBe(6)
    expect(told).toBeGreaterThan(500)
  })
})
