import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import { sweepExpired, wipeSealedResponses } from '../../src/storage/sweep.ts'
import {
  bodiesOf,
  grantOf,
  liveRefreshTokens,
  NOTHING,
  passGrace,
  remains,
  statusesOf,
  successors,
} from '../support/families.ts'
import { type SecondInstance, startSecondInstance } from '../support/second-instance.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'

const ROUNDS = 200

let first: Toolgate
let beside: Toolgate
let second: SecondInstance
let client_id: string
let account_id: string
let rs: Awaited<ReturnType<Toolgate['resourceServer']>>
let fresh: () => Promise<Tokens>

beforeAll(async () => {
  first = await Toolgate.start()
  beside = await Toolgate.start({ beside: first })
  second = await startSecondInstance(first)
  rs = await first.resourceServer()
  client_id = (await first.register()).client_id
  const account = await first.account()
  account_id = account.id
  const person = account.person()
  fresh = () => first.tokens(person, client_id)
})
afterAll(async () => {
  await second.close()
  await beside.close()
  await first.close()
})

const knex = () => first.db.database.knex
const instance = (index: number) => [first, second, beside][index % 3]!

/** Refreshes of one token at the same moment, spread over the instances. */
const together = (refresh_token: string, count = 8) =>
  Promise.all(Array.from({ length: count }, (_, at) => instance(at).refresh(client_id, refresh_token)))

const typesOf = async (grant_id: string) =>
  (await pageEvents(knex(), { grant_id }, 100)).events.map(({ type }) => type)

describe('refreshes of one token at the same moment, on several instances', () => {
  it(`all get the one successor, and a late replay ends the family (${ROUNDS} times 8)`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const start = await fresh()
      const grant_id = await grantOf(first, start.refresh_token)
      const responses = await together(start.refresh_token)
      expect(statusesOf(responses)).toEqual([200])
      const answers = await bodiesOf(responses)
      expect(successors(answers)).toHaveLength(1)
      expect(await liveRefreshTokens(first, grant_id)).toBe(1)
      const [next] = answers
      expect(await first.introspect(rs, next!.access_token)).toMatchObject({ active: true })

      await passGrace(first, grant_id)
      const replayed = await instance(round).refresh(client_id, start.refresh_token)
      expect([replayed.status, await replayed.json()]).toMatchObject([400, { error: 'invalid_grant' }])
      expect(await remains(first, grant_id)).toEqual(NOTHING)
      for (const { access_token } of [start, next!])
        expect(await first.introspect(rs, access_token)).toEqual({ active: false })
      expect((await instance(round + 1).refresh(client_id, next!.refresh_token)).status).toBe(400)
      const types = await typesOf(grant_id)
      expect(types[0]).toBe('refresh_token.reused')
      expect(types.filter((type) => type === 'token.refreshed')).toHaveLength(1)
      expect(types.filter((type) => type === 'refresh_token.replayed')).toHaveLength(7)
    }
    expect(await verifyChains(knex())).toMatchObject({ faults: [] })
  })

  it('keep a family alive through a hundred generations', async () => {
    let { refresh_token } = await fresh()
    const grant_id = await grantOf(first, refresh_token)
    for (let generation = 0; generation < 100; generation++) {
      const answers = await bodiesOf(await together(refresh_token, 4))
      expect(successors(answers)).toHaveLength(1)
      refresh_token = answers[0]!.refresh_token
    }
    expect(await liveRefreshTokens(first, grant_id)).toBe(1)
  })

  it('of which some present the token before get only what each token led to', async () => {
    for (let round = 0; round < 25; round++) {
      const a = await fresh()
      const [b] = await bodiesOf([await first.refresh(client_id, a.refresh_token)])
      const [late, latest] = await Promise.all([together(a.refresh_token, 4), together(b!.refresh_token, 4)])
      expect(statusesOf([...late, ...latest])).toEqual([200])
      expect(successors(await bodiesOf(late))).toEqual(successors([b!]))
      expect(successors(await bodiesOf(latest))).toHaveLength(1)
      expect(await liveRefreshTokens(first, await grantOf(first, a.refresh_token))).toBe(1)
    }
  })
})

describe('late replays at the same moment', () => {
  it('end the family once, and none of them gets anything', async () => {
    for (let round = 0; round < 20; round++) {
      const { refresh_token } = await fresh()
      const grant_id = await grantOf(first, refresh_token)
      await first.refresh(client_id, refresh_token)
      await passGrace(first, grant_id)
      expect(statusesOf(await together(refresh_token))).toEqual([400])
      expect(await remains(first, grant_id)).toEqual(NOTHING)
      const types = await typesOf(grant_id)
      expect(types.filter((type) => type === 'refresh_token.reused')).toHaveLength(1)
    }
  })
})

/** A generator of numbers that is the same on every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const revoke = (filter: Parameters<typeof revokeGrants>[1]) =>
  revokeGrants(first.dependencies, filter, { actor: { kind: 'operator_token', id: 'test' } })

describe('a revocation that races refreshes', () => {
  it(`leaves nothing of the family usable once it has answered (${ROUNDS} interleavings)`, async () => {
    const random = numbers(20_261_121)
    for (let round = 0; round < ROUNDS; round++) {
      const start = await fresh()
      const grant_id = await grantOf(first, start.refresh_token)
      const gained = [start]
      const refreshing = async (at: number) => {
        await turns(random(30))
        for (let token = start.refresh_token; ; ) {
          const response = await instance(at).refresh(client_id, token)
          expect([200, 400]).toContain(response.status)
          const [body] = await bodiesOf([response])
          if (response.status === 400) return expect(body).toMatchObject({ error: 'invalid_grant' })
          gained.push(body!)
          token = body!.refresh_token
        }
      }
      const revoking = async () => {
        await turns(random(120))
        expect(await revoke({ id: grant_id })).toEqual({ revoked: [grant_id] })
        expect(await remains(first, grant_id)).toEqual(NOTHING)
      }
      await Promise.all([refreshing(0), refreshing(1), revoking()])
      expect(await remains(first, grant_id)).toEqual(NOTHING)
      for (const { access_token, refresh_token } of gained) {
        expect(await first.introspect(rs, access_token)).toEqual({ active: false })
        expect((await instance(round).refresh(client_id, refresh_token)).status).toBe(400)
      }
    }
    expect(await verifyChains(knex())).toMatchObject({ faults: [] })
  })

  it('is seen by every introspection that starts after its answer, whatever floods', async () => {
    for (let round = 0; round < 10; round++) {
      const { access_token, refresh_token } = await fresh()
      const grant_id = await grantOf(first, refresh_token)
      let is_revoked = false
      const ask = async (at: number) => {
        const asked_after = is_revoked
        const { client_id: id, client_secret } = rs
        const form = { token: access_token, client_id: id, client_secret }
        const response = await instance(at).post('/introspect', form)
        expect(response.status).toBe(200)
        const { active } = (await response.json()) as { active: boolean }
        if (asked_after) expect(active).toBe(false)
        return { active, asked_after }
      }
      const flood = async (at: number) => {
        for (let after = 0; after < 5; ) if ((await ask(at)).asked_after) after += 1
      }
      const revoking = async () => {
        await turns(20)
        await revoke({ id: grant_id })
        is_revoked = true
      }
      expect(await ask(round)).toEqual({ active: true, asked_after: false })
      await Promise.all([...Array.from({ length: 32 }, (_, at) => flood(at)), revoking()])
    }
  })
})

describe('revocations of many families', () => {
  it('that overlap, amid refreshes and maintenance, never fail one another', async () => {
    for (let round = 0; round < 15; round++) {
      const families: Tokens[] = []
      while (families.length < 6) families.push(await fresh())
      const responses = Promise.all(
        families.map(({ refresh_token }, at) => instance(at).refresh(client_id, refresh_token)),
      )
      const revoked = await Promise.all([
        revoke({ account: account_id }),
        revoke({ client_id }),
        revoke({ resource: rs.resource }),
        wipeSealedResponses(knex(), -10),
        sweepExpired(knex()),
      ])
      const [by_account, by_client, by_resource] = revoked
      const ids = [by_account, by_client, by_resource].flatMap(({ revoked: gone }) => gone)
      expect(new Set(ids).size).toBe(ids.length)
      for (const { status } of await responses) expect([200, 400]).toContain(status)
      expect(await knex()('grants').where({ client_id })).toEqual([])
    }
  })
})
