import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { bodiesOf, NOTHING, remains } from '../support/families.ts'
import { type SecondInstance, startSecondInstance } from '../support/second-instance.ts'
import { REDIRECT_URI, Toolgate } from '../support/toolgate.ts'

const CODES = 100

let first: Toolgate
let second: SecondInstance
let client_id: string
let rs: Awaited<ReturnType<Toolgate['resourceServer']>>
let authorize: () => ReturnType<Toolgate['authorize']>

beforeAll(async () => {
  first = await Toolgate.start()
  second = await startSecondInstance(first)
  rs = await first.resourceServer()
  client_id = (await first.register()).client_id
  const person = (await first.account()).person()
  authorize = () => first.authorize(person, client_id)
})
afterAll(async () => {
  await second.close()
  await first.close()
})

const knex = () => first.db.database.knex

const redeem = (at: number, code: string, code_verifier: string) =>
  [first, second][at % 2]!.post('/token', {
    grant_type: 'authorization_code',
    client_id,
    code,
    code_verifier,
    redirect_uri: REDIRECT_URI,
  })

const grantOfCode = async (code: string): Promise<string> => {
  const row = await knex()('authorization_codes')
    .where({ id: sha256(code) })
    .first('grant_id')
  return row.grant_id
}

describe('redemptions of one code at the same moment, on two instances', () => {
  // RFC 6749 §4.1.2: a code used twice MUST be denied, and what it issued SHOULD be revoked.
  it(`answer exactly one with tokens, which the others then revoke (${CODES} times 8)`, async () => {
    for (let round = 0; round < CODES; round++) {
      const { code, code_verifier } = await authorize()
      const grant_id = await grantOfCode(code)
      const responses = await Promise.all(
        Array.from({ length: 8 }, (_, at) => redeem(at, code, code_verifier)),
      )
      expect(responses.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)])
      const bodies = await bodiesOf(responses)
      const [won] = bodies.filter(({ access_token }) => access_token)
      expect(bodies.filter(({ error }) => error === 'invalid_grant')).toHaveLength(7)

      expect(await remains(first, grant_id)).toEqual(NOTHING)
      expect(await first.introspect(rs, won!.access_token)).toEqual({ active: false })
      expect((await second.refresh(client_id, won!.refresh_token)).status).toBe(400)
      const { events } = await pageEvents(knex(), { grant_id }, 100)
      const types = events.map(({ type }) => type)
      expect(types.filter((type) => type === 'token.issued')).toHaveLength(1)
      expect(types.filter((type) => type === 'refresh_token.reused')).toHaveLength(1)
    }
    expect(await verifyChains(knex())).toMatchObject({ faults: [] })
  })

  it('of which one has the verifier give it tokens, and the others change nothing', async () => {
    for (let round = 0; round < 20; round++) {
      const { code, code_verifier } = await authorize()
      const grant_id = await grantOfCode(code)
      const right = round % 8
      const responses = await Promise.all(
        Array.from({ length: 8 }, (_, at) => redeem(at, code, at === right ? code_verifier : 'w'.repeat(43))),
      )
      const expected = Array.from({ length: 8 }, (_, at) => (at === right ? 200 : 400))
      expect(responses.map(({ status }) => status)).toEqual(expected)
      const [granted] = await bodiesOf([responses[right]!])
      expect(await first.introspect(rs, granted!.access_token)).toMatchObject({ active: true })
      expect(await remains(first, grant_id)).toMatchObject({ grants: 1, orphans: 0 })
    }
  })
})
