// 200 registrations at once, for twenty seconds, while an app refreshes its tokens.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { ServerProcess } from '../support/server-process.ts'
import { Toolgate } from '../support/toolgate.ts'
import { floodRegistrations, NEW, SAME } from './registration-flood.ts'

const WIDTH = 200
const FLOOD_MS = 20_000

let db: TestDatabase
let toolgate: Toolgate
let server: ServerProcess
beforeAll(async () => {
  db = await createTestDatabase()
  server = await ServerProcess.start({ database_url: db.url, env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
  // The same issuer in this process, where people consent; what is attacked is a process of its own.
  toolgate = await Toolgate.start({ db })
})
afterAll(async () => {
  await server.end('SIGTERM')
  await toolgate.close()
})

describe.each([
  ['the same client again, from one network', SAME, () => '198.51.100.1'],
  ['new clients, from one network', NEW, () => '198.51.100.2'],
  ['new clients, from 60,000 networks', NEW, (index: number) => `10.${(index >> 8) & 255}.${index & 255}.9`],
])('200 wide registrations of %s', (name, metadata, ip) => {
  it('leave every refresh what it was: none is answered 503', async () => {
    const { client_id } = await toolgate.register(NEW())
    const { person } = await toolgate.account()
    let { refresh_token } = await toolgate.tokens(person(), client_id)
    const times: number[] = []
    const statuses: Record<number, number> = {}
    let is_over = false
    const until_ms = performance.now() + FLOOD_MS
    const until = () => performance.now() > until_ms
    const flood = floodRegistrations(server, { width: WIDTH, ip, metadata, until }).finally(() => {
      is_over = true
    })
    const started_ms = performance.now()
    while (!is_over) {
      const sent_ms = performance.now()
      const response = await server.refresh(client_id, refresh_token)
      times.push(performance.now() - sent_ms)
      statuses[response.status] = (statuses[response.status] ?? 0) + 1
      if (response.status === 200)
        refresh_token = ((await response.json()) as { refresh_token: string }).refresh_token
    }
    const answered = await flood
    const sorted = times.toSorted((one, other) => one - other)
    const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
    const seconds = (performance.now() - started_ms) / 1_000
    process.stdout.write(
      `${name}\n  registrations: ${JSON.stringify(answered)} in ${seconds.toFixed(1)} s\n  refreshes: ${JSON.stringify(statuses)}, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms\n`,
    )
    expect(statuses).toEqual({ 200: times.length })
    expect(Object.keys(answered).filter((status) => !['201', '429', '503'].includes(status))).toEqual([])
  })
})
