import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { Rotations } from '../../../src/authorization-server/tokens/rotations.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { revokeGrants } from '../../../src/grants/grants.ts'
import type { PreparedRotation } from '../../../src/grants/rotation-store.ts'
import { begin } from '../../../src/storage/transaction.ts'
import { bodiesOf, grantOf, liveRefreshTokens, NOTHING, remains } from '../../support/families.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, type Tokens, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
/** Of an instance that grants no grace. */
let strict: Toolgate
let client_id: string
let fresh: () => Promise<Tokens>
let ours: Rotations
/** Another instance, as far as rotations go. */
let theirs: Rotations

beforeAll(async () => {
  toolgate = await Toolgate.start()
  strict = await Toolgate.start({ beside: toolgate, env: { TOOLGATE_REFRESH_GRACE: '0' } })
  const person = (await toolgate.account()).person()
  client_id = (await toolgate.register()).client_id
  fresh = () => toolgate.tokens(person, client_id)
  const { tokens: db } = toolgate.db.database
  ours = new Rotations({ db, audit: toolgate.app.audit })
  theirs = new Rotations({ db, audit: toolgate.app.audit })
})
afterAll(async () => {
  await strict.close()
  await toolgate.close()
})

const knex = () => toolgate.db.database.knex
const tokensInUse = () => toolgate.db.database.tokens.client.pool.numUsed()

/** A family, the rotation of its live token, and the event that says so. */
async function family() {
  const { refresh_token } = await fresh()
  const grant_id = await grantOf(toolgate, refresh_token)
  const rotation = (): PreparedRotation => ({
    id: sha256(refresh_token),
    grant_id,
    sealed_response: randomBytes(40),
    refresh_token: { id: randomBytes(32), payload: { clientId: client_id }, ttl_seconds: 60 },
    access_token: {
      id: randomBytes(32),
      account_id: 'usr_1',
      client_id,
      resource: RESOURCE,
      scope: 'notes:read',
      gty: undefined,
      ttl_seconds: 60,
    },
  })
  return { refresh_token, grant_id, rotation, events: [refreshed(grant_id)] }
}

const refreshed = (grant_id: string) => ({ type: 'token.refreshed', actor: TEST.actor, grant_id }) as const

const recorded = async (grant_id: string) =>
  (await pageEvents(knex(), { grant_id, type: 'token.refreshed' }, 10)).events.length

async function holdFamilies(...grant_ids: string[]) {
  const holder = await begin(knex())
  await holder.raw('select 1 from grants where id = any(?) for update', [grant_ids])
  return holder
}

describe('what is read before a refresh is decided', () => {
  it('is the token with its grant, account, client and the catalogue in force', async () => {
    const { refresh_token, grant_id } = await family()
    const state = await ours.state(sha256(refresh_token))
    expect(state).toMatchObject({
      catalogue_version: 1,
      token: { grant_id, expired: false, consumed: false, sealed_response: null },
      account: { roles: ['editor'] },
      client: { id: client_id, metadata: { client_id } },
    })
    expect(state.grant_payload).toMatchObject({ clientId: client_id, accountId: state.account?.id })
  })

  it('is, for many tokens at once, each one’s own; and nothing for a token that is not there', async () => {
    const families = [await family(), await family()]
    const [first, none, second] = await Promise.all([
      ours.state(sha256(families[0]!.refresh_token)),
      ours.state(sha256('nobody’s token')),
      ours.state(sha256(families[1]!.refresh_token)),
    ])
    expect([first.token?.grant_id, second.token?.grant_id]).toEqual(families.map(({ grant_id }) => grant_id))
    expect(none).toMatchObject({ token: undefined, account: undefined, client: undefined })
  })

  it('leaves out a disabled account and an expired grant', async () => {
    const other = await toolgate.account()
    const { refresh_token } = await toolgate.tokens(other.person(), client_id)
    const id = await grantOf(toolgate, refresh_token)
    await knex()('accounts').where({ id: other.id }).update({ disabled_at: knex().fn.now() })
    await knex()('grants').where({ id }).update({ expires_at: knex().fn.now() })
    expect(await ours.state(sha256(refresh_token))).toMatchObject({
      token: { grant_id: id },
      account: undefined,
      grant_payload: undefined,
    })
  })
})

describe('a rotation', () => {
  it('spends the token, keeps the sealed answer, issues the successors and is recorded', async () => {
    const { rotation, grant_id, events } = await family()
    const planned = rotation()
    expect(await ours.commit(planned, events)).toEqual({ outcome: 'rotated' })
    expect(await ours.state(planned.id)).toMatchObject({
      token: { consumed: true, sealed_response: planned.sealed_response },
    })
    expect(await ours.state(planned.refresh_token.id)).toMatchObject({ token: { grant_id, consumed: false } })
    expect(await knex()('access_tokens').where({ id: planned.access_token.id })).toHaveLength(1)
    expect(await recorded(grant_id)).toBe(1)
  })

  it.each([
    ['in this process', () => [ours, ours]],
    ['on two instances', () => [ours, theirs]],
  ] as const)(
    'of one token, tried twice at once %s, is done once; the other one learns how',
    async (_, on) => {
      for (let round = 0; round < 20; round++) {
        const { rotation, grant_id, events } = await family()
        const plans = [rotation(), rotation()]
        const outcomes = await Promise.all(on().map((each, at) => each.commit(plans[at]!, events)))
        const winner = outcomes.findIndex(({ outcome }) => outcome === 'rotated')
        expect(outcomes[1 - winner]).toMatchObject({
          outcome: 'spent',
          sealed_response: plans[winner]!.sealed_response,
          consumed_seconds_ago: expect.any(Number),
        })
        expect(await liveRefreshTokens(toolgate, grant_id)).toBe(1)
        expect(await recorded(grant_id)).toBe(1)
      }
    },
  )

  it('of a family that was revoked since it was read issues nothing', async () => {
    const { rotation, grant_id, events } = await family()
    await revokeGrants(toolgate.dependencies, { id: grant_id }, TEST)
    expect(await ours.commit(rotation(), events)).toEqual({ outcome: 'gone' })
    expect([await remains(toolgate, grant_id), await recorded(grant_id)]).toEqual([NOTHING, 0])
  })

  it('names the grant of its token, or nothing happens', async () => {
    const [one, other] = [await family(), await family()]
    const forged = { ...one.rotation(), grant_id: other.grant_id }
    await expect(ours.commit(forged, one.events)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await liveRefreshTokens(toolgate, other.grant_id)).toBe(1)
  })

  it('waits for a family that somebody holds without a connection, and goes on when it is free', async () => {
    const { rotation, grant_id, events } = await family()
    const free = await family()
    const holder = await holdFamilies(grant_id)
    const waiting = ours.commit(rotation(), events)
    expect(await ours.commit(free.rotation(), free.events)).toEqual({ outcome: 'rotated' })
    await holder.rollback()
    expect(await waiting).toEqual({ outcome: 'rotated' })
    expect(tokensInUse()).toBe(0)
  })

  it('of a family that stays held is given up, and nothing of it is recorded', async () => {
    const { rotation, grant_id, events } = await family()
    const holder = await holdFamilies(grant_id)
    await expect(ours.commit(rotation(), events)).rejects.toMatchObject({ code: 'unavailable' })
    await holder.rollback()
    expect([await liveRefreshTokens(toolgate, grant_id), await recorded(grant_id)]).toEqual([1, 0])
  })

  it('that cannot be recorded is not done', async () => {
    const { rotation, grant_id } = await family()
    await knex().raw(`
      create function refuse_audit() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse before insert on audit_events for each row execute function refuse_audit()`)
    const attempt = ours.commit(rotation(), [refreshed(grant_id)])
    await expect(attempt).rejects.toMatchObject({ code: 'unavailable' })
    await knex().raw('drop trigger refuse on audit_events; drop function refuse_audit()')
    expect((await ours.state(rotation().id)).token).toMatchObject({ consumed: false })
    expect(tokensInUse()).toBe(0)
  })
})

describe('without a grace', () => {
  it('of two refreshes of one token at once at most one succeeds, and the family ends', async () => {
    for (let round = 0; round < 20; round++) {
      const { refresh_token } = await fresh()
      const grant_id = await grantOf(toolgate, refresh_token)
      const both = await Promise.all([1, 2].map(() => strict.refresh(client_id, refresh_token)))
      expect(both.map(({ status }) => status).sort()).toEqual([200, 400])
      const refused = (await bodiesOf(both)).filter(({ error }) => error !== undefined)
      expect(refused).toMatchObject([{ error: 'invalid_grant' }])
      expect(await remains(toolgate, grant_id)).toEqual(NOTHING)
      const { events } = await pageEvents(knex(), { grant_id, type: 'refresh_token.reused' }, 10)
      expect(events).toHaveLength(1)
    }
  })
})
