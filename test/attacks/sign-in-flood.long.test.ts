// 600 sign-ins of strangers, each given up after half a second, while somebody signs in again and again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { ServerProcess } from '../support/server-process.ts'
import { PASSWORD, Toolgate } from '../support/toolgate.ts'
import { honestSignIn, sendTo, strangerSignsIn } from './sign-in-flood.ts'

const STRANGERS = 600
const AT_ONCE = 60
const PATIENCE_MS = 500
const IDLE_SIGN_INS = 60

let db: TestDatabase
let toolgate: Toolgate
let server: ServerProcess
beforeAll(async () => {
  db = await createTestDatabase()
  // Prepares the database and the people; what is attacked is a process of its own.
  toolgate = await Toolgate.start({ db })
  server = await ServerProcess.start({ database_url: db.url, env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
})
afterAll(async () => {
  await server.end('SIGTERM')
  await toolgate.close()
})

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function timed(work: () => Promise<{ status: number }>): Promise<{ status: number; ms: number }> {
  const started_ms = performance.now()
  const { status } = await work()
  return { status, ms: performance.now() - started_ms }
}

function percentile(times: { ms: number }[], share: number): number {
  const sorted = times.map(({ ms }) => ms).toSorted((one, other) => one - other)
  return Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
}

const summary = (times: { ms: number }[]) =>
  `n ${times.length}, p50 ${percentile(times, 0.5)} ms, p95 ${percentile(times, 0.95)} ms, max ${percentile(times, 1)} ms`

/** Sends them all, so many at once, and hangs up on each. */
async function flood(ip: (index: number) => string): Promise<void> {
  let sent = 0
  const one = async () => {
    while (sent < STRANGERS) {
      const stranger = await strangerSignsIn(server, ip(sent++))
      await Promise.race([stranger.status, wait(PATIENCE_MS)])
      stranger.hangUp()
      // As long as the others would have waited.
      await wait(PATIENCE_MS)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

type Crowd = { name: string; ip: (index: number) => string; is_known: boolean; bound: number }
const CROWDS: Crowd[] = [
  {
    name: 'from one network, and nobody knows who signs in',
    ip: () => '198.51.100.1',
    is_known: false,
    bound: 3,
  },
  {
    name: 'from 600 networks, and who signs in is known',
    ip: (index) => `10.3.${index >> 8}.${index & 255}`,
    is_known: true,
    bound: 3,
  },
  {
    name: 'from an IPv6 /48, and nobody knows who signs in',
    ip: (index) => `2001:db8:5:${index.toString(16)}::1`,
    is_known: false,
    bound: 3,
  },
]

describe('600 sign-ins that are given up', () => {
  it.each(CROWDS)(
    '$name: p95 is at most three times that of an idle server, which stays ready',
    async ({ name, ip, is_known, bound }) => {
      const { username } = await toolgate.account()
      const me = { username, password: PASSWORD, ip: '192.0.2.1' }
      const { cookie } = await honestSignIn(server, me)
      const signIn = () => timed(() => honestSignIn(server, is_known ? { ...me, cookie } : me))
      const idle = []
      for (let count = 0; count < IDLE_SIGN_INS; count += 1) idle.push(await signIn())
      let is_over = false
      const attack = flood(ip).finally(() => {
        is_over = true
      })
      const [during, ready] = await Promise.all([
        (async () => {
          const times = []
          while (!is_over) times.push(await signIn())
          return times
        })(),
        (async () => {
          const times = []
          while (!is_over) {
            times.push(await timed(() => sendTo(server, '/readyz')))
            await wait(50)
          }
          return times
        })(),
      ])
      await attack
      process.stdout.write(
        `${name}\n  idle:   ${summary(idle)}\n  during: ${summary(during)}\n  readyz: ${summary(ready)}\n`,
      )
      const statuses = (times: { status: number }[]) => [...new Set(times.map(({ status }) => status))]
      expect([statuses(idle), statuses(during), statuses(ready)]).toEqual([[303], [303], [200]])
      expect(percentile(during, 0.95)).toBeLessThanOrEqual(bound * percentile(idle, 0.95))
    },
  )
})
