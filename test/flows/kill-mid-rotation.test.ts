import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { bodiesOf, grantOf, liveRefreshTokens, remains, successors } from '../support/families.ts'
import { PostgresProxy } from '../support/postgres-proxy.ts'
import { ServerProcess } from '../support/server-process.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'

/**
 * A server process is killed (-9) in the middle of a refresh; another instance stays up. Half of the kills happen
 * when a chosen statement is on its way to Postgres, half at a moment that is spread over 20 ms.
 */
const KILLS = 60

/** Parts of the statements of a rotation, in their order, and whether its successor is then committed. */
const STATEMENTS = [
  ['refresh-states', false],
  ['rotate-refresh-tokens', false],
  ['copy audit_events', false],
  ['COMMIT', true],
] as const

type Victim = { server: ServerProcess; proxy: PostgresProxy }

let survivor: Toolgate
let client_id: string
let rs: Awaited<ReturnType<Toolgate['resourceServer']>>
let fresh: () => Promise<Tokens>
const started: Promise<Victim>[] = []

beforeAll(async () => {
  survivor = await Toolgate.start()
  rs = await survivor.resourceServer()
  client_id = (await survivor.register()).client_id
  const person = (await survivor.account()).person()
  fresh = () => survivor.tokens(person, client_id)
})
afterAll(async () => {
  for (const victim of await Promise.allSettled(started))
    if (victim.status === 'fulfilled') await bury(victim.value)
  await survivor.close()
})

async function startVictim(): Promise<Victim> {
  const proxy = await PostgresProxy.start(survivor.db.url)
  const server = await ServerProcess.start({ database_url: proxy.url, issuer: survivor.issuer })
  return { server, proxy }
}

async function bury({ server, proxy }: Victim): Promise<void> {
  await server.end()
  await proxy.close()
}

function prepare(): Promise<Victim> {
  const victim = startVictim()
  victim.catch(() => undefined)
  started.push(victim)
  return victim
}

/** Arms the kill of one round. Answers what the database must hold afterwards, where that is certain. */
function arm({ server, proxy }: Victim, round: number): boolean | undefined {
  if (round % 2 === 0) {
    setTimeout(() => server.killNow(), (round / KILLS) * 20)
    return undefined
  }
  const [text, is_committed] = STATEMENTS[(round >> 1) % STATEMENTS.length]!
  let is_killed = false
  proxy.decide = (sent) => {
    if (is_killed || !sent.includes(text)) return 'pass'
    is_killed = true
    server.killNow()
    // An uncommitted transaction dies with its connection; a COMMIT that was sent is carried out unanswered.
    return is_committed ? 'answer lost' : 'lost'
  }
  return is_committed
}

async function spent(refresh_token: string): Promise<boolean> {
  const grant_id = await grantOf(survivor, refresh_token)
  const row = await survivor.db.database
    .knex('refresh_tokens')
    .where({ grant_id })
    .whereNotNull('consumed_at')
    .first()
  return row !== undefined
}

const refreshed = async (refresh_token: string): Promise<Tokens> => {
  const response = await survivor.refresh(client_id, refresh_token)
  const [body] = await bodiesOf([response])
  expect([response.status, body?.error]).toEqual([200, undefined])
  return body!
}

describe('kill -9 in the middle of a rotation', () => {
  it(`never loses a family and never leaves two live refresh tokens (${KILLS} times)`, async () => {
    const queue = [prepare(), prepare()]
    const seen = { answered: 0, committed_unanswered: 0, rolled_back: 0 }
    for (let round = 0; round < KILLS; round++) {
      const victim = await queue.shift()!
      if (round + 2 < KILLS) queue.push(prepare())
      const warm = await victim.server.refresh(client_id, (await fresh()).refresh_token)
      expect(warm.status).toBe(200)

      const { refresh_token } = await fresh()
      const grant_id = await grantOf(survivor, refresh_token)
      const is_committed = arm(victim, round)
      const answer = await victim.server.refresh(client_id, refresh_token).catch(() => undefined)
      await bury(victim)

      if (answer !== undefined) expect([200, 503]).toContain(answer.status)
      const received = answer?.status === 200 ? (await bodiesOf([answer]))[0] : undefined
      const is_spent = await spent(refresh_token)
      if (is_committed !== undefined) expect([is_spent, received]).toEqual([is_committed, undefined])
      seen[received ? 'answered' : is_spent ? 'committed_unanswered' : 'rolled_back'] += 1

      const retried = await refreshed(refresh_token)
      if (received) expect(successors([retried])).toEqual(successors([received]))
      expect(await liveRefreshTokens(survivor, grant_id)).toBe(1)
      const next = await refreshed(retried.refresh_token)
      expect(await liveRefreshTokens(survivor, grant_id)).toBe(1)
      expect(await survivor.introspect(rs, next.access_token)).toMatchObject({ active: true })
      expect(await remains(survivor, grant_id)).toMatchObject({ grants: 1, orphans: 0 })
    }
    expect(seen.committed_unanswered).toBeGreaterThan(0)
    expect(seen.rolled_back).toBeGreaterThan(0)
    expect(await verifyChains(survivor.db.database.knex)).toMatchObject({ faults: [] })
  })
})
