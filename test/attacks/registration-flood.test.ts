// A stranger who registers clients, the same one or new ones, many at once: refreshes and other people's clients must not wait.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Toolgate } from '../support/toolgate.ts'
import { floodRegistrations, NEW, registers, SAME } from './registration-flood.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
})
afterAll(() => toolgate.close())

const after = (total: number) => (sent: number) => sent >= total

describe.each([
  ['the same client again', SAME],
  ['new clients', NEW],
])('200 registrations of %s, 60 at once', (_, metadata) => {
  it.each([
    ['one network', () => '198.51.100.1'],
    ['200 networks', (index: number) => `10.4.0.${index}`],
  ])('from %s: every refresh goes on, and every answer is one that a client understands', async (__, ip) => {
    const { client_id } = await toolgate.register(NEW())
    const { person } = await toolgate.account()
    let { refresh_token } = await toolgate.tokens(person(), client_id)
    const flood = floodRegistrations(toolgate, { until: after(200), width: 60, ip, metadata })
    const refreshed = []
    for (let count = 0; count < 10; count += 1) {
      const response = await toolgate.refresh(client_id, refresh_token)
      refreshed.push(response.status)
      refresh_token = ((await response.json()) as { refresh_token: string }).refresh_token
    }
    expect(refreshed).toEqual(Array(10).fill(200))
    const statuses = Object.keys(await flood).map(Number)
    expect(statuses.filter((status) => ![201, 429, 503].includes(status))).toEqual([])
  })
})

it('among 60 at once of one network, a client of another network registers', async () => {
  const metadata = NEW
  const flood = floodRegistrations(toolgate, {
    until: after(120),
    width: 60,
    ip: () => '198.51.100.2',
    metadata,
  })
  expect(await registers(toolgate, NEW(), '192.0.2.7')).toBe(201)
  await flood
})

it('one network has 60 new clients in an hour, and all networks together 600', async () => {
  const { knex } = toolgate.db.database
  await knex('login_attempts').delete()
  const counted = async (total: number, ip: (index: number) => string) =>
    (await floodRegistrations(toolgate, { until: after(total), width: 2, ip, metadata: NEW }))[201] ?? 0
  expect(await counted(70, () => '198.51.100.3')).toBe(60)
  await knex('login_attempts').where({ failures_max: 600 }).update({ failures: 598 })
  expect(await counted(10, (index) => `10.5.0.${index}`)).toBe(2)
})
