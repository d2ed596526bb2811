// Wrong credentials at every endpoint that has any, for a minute, as fast as they are answered.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { REFUSAL_LIMITS } from '../../src/audit/log/refusal-counter.ts'
import { Toolgate } from '../support/toolgate.ts'
import { auditRows, FLOODS } from './log-flood.ts'

const MINUTE_MS = 60_000
const AT_ONCE = 40
const ROWS_MAX = 1_000

let toolgate: Toolgate
let client_id: string
beforeAll(async () => {
  toolgate = await Toolgate.start({ refusals: REFUSAL_LIMITS, env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

it.each([
  ['from one network', () => '198.51.100.1'],
  ['from 60,000 networks', (index: number) => `10.${(index >> 8) & 255}.${index & 255}.9`],
])('a minute of wrong credentials %s adds at most 1,000 rows to the audit log', async (name, ip) => {
  const attacks = Object.values(FLOODS)
  const before = await auditRows(toolgate)
  const statuses: Record<number, number> = {}
  const until_ms = performance.now() + MINUTE_MS
  let sent = 0
  const one = async () => {
    while (performance.now() < until_ms) {
      const index = sent++
      const attack = attacks[index % attacks.length]
      const status = (await attack?.(toolgate, { 'x-forwarded-for': ip(index) }, client_id))?.status ?? 0
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  const rows = (await auditRows(toolgate)) - before
  process.stdout.write(`${name}: ${sent} requests, ${rows} rows, ${JSON.stringify(statuses)}\n`)
  expect(rows).toBeLessThanOrEqual(ROWS_MAX)
  expect(statuses[500]).toBeUndefined()
})
