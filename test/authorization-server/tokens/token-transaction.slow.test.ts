import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChains } from '../../../src/audit/integrity/verification/verify.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import type { Database } from '../../../src/storage/database.ts'
import { begin } from '../../../src/storage/transaction.ts'
import {
  bodiesOf,
  grantOf,
  liveRefreshTokens,
  NOTHING,
  remains,
  statusesOf,
  successors,
} from '../../support/families.ts'
import { PostgresProxy } from '../../support/postgres-proxy.ts'
import { type SecondInstance, startSecondInstance } from '../../support/second-instance.ts'
import { RESOURCE, type Tokens, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let client_id: string
let proxy: PostgresProxy
/** An instance whose connections to Postgres can be cut. */
let fragile: SecondInstance
let fresh: () => Promise<Tokens>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const person = (await toolgate.account()).person()
  client_id = (await toolgate.register()).client_id
  fresh = () => toolgate.tokens(person, client_id)
  proxy = await PostgresProxy.start(toolgate.db.url)
  fragile = await startSecondInstance(toolgate, proxy.url)
})
afterAll(async () => {
  await fragile.close()
  await proxy.close()
  await toolgate.close()
})

const knex = () => toolgate.db.database.knex
const inUse = ({ knex: db, tokens }: Database): number =>
  db.client.pool.numUsed() + tokens.client.pool.numUsed()
const poolInUse = () => inUse(toolgate.db.database)

describe('a database that is lost during a refresh', () => {
  it.each([
    ['first look', 'refresh-states', 'lost'],
    ['rotation', 'rotate-refresh-tokens', 'lost'],
    ['answer to the rotation', 'rotate-refresh-tokens', 'answer lost'],
    ['audit event', 'copy audit_events', 'lost'],
    ['commit', 'COMMIT', 'lost'],
    ['answer to the commit', 'COMMIT', 'answer lost'],
  ] as const)('is 503 at the %s, and the same token goes on', async (_, text, fate) => {
    const { refresh_token } = await fresh()
    const grant_id = await grantOf(toolgate, refresh_token)
    const cut = proxy.cutAt(text, fate)
    const response = await fragile.refresh(client_id, refresh_token)
    expect([response.status, cut.happened]).toEqual([503, true])
    expect(response.headers.get('retry-after')).toBe('1')

    const retried = await fragile.refresh(client_id, refresh_token)
    expect(retried.status).toBe(200)
    expect(await liveRefreshTokens(toolgate, grant_id)).toBe(1)
    const [next] = await bodiesOf([retried])
    expect((await toolgate.refresh(client_id, next!.refresh_token)).status).toBe(200)
    expect(inUse(fragile.installation.database)).toBe(0)
  })

  it('leaves whole audit chains behind', async () => {
    expect(await verifyChains(knex())).toMatchObject({ faults: [] })
  })
})

describe('a commit that Postgres refuses', () => {
  it('is never answered 200, and changes nothing', async () => {
    const { refresh_token } = await fresh()
    const grant_id = await grantOf(toolgate, refresh_token)
    await knex().raw(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create constraint trigger refuse after insert on refresh_tokens deferrable initially deferred
        for each row execute function refuse()`)
    expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(503)
    await knex().raw('drop trigger refuse on refresh_tokens; drop function refuse()')
    expect(await remains(toolgate, grant_id)).toEqual({ grants: 1, tokens: 3, orphans: 0 })
    expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(200)
    expect(await verifyChains(knex())).toMatchObject({ faults: [] })
  })
})

describe('many requests at once', () => {
  it('of different families never wait for each other’s connections', async () => {
    const families: Tokens[] = []
    while (families.length < 24) families.push(await fresh())
    const responses = await Promise.all(
      families.map(({ refresh_token }) => toolgate.refresh(client_id, refresh_token)),
    )
    expect(statusesOf(responses)).toEqual([200])
    await expect.poll(poolInUse).toBe(0)
  })

  it('of one family, 200 of them, get the one successor or 503, and leave the pool free', async () => {
    const { refresh_token } = await fresh()
    const grant_id = await grantOf(toolgate, refresh_token)
    const responses = await Promise.all(
      Array.from({ length: 200 }, () => toolgate.refresh(client_id, refresh_token)),
    )
    expect([200, 503]).toEqual(expect.arrayContaining(statusesOf(responses)))
    const answered = await bodiesOf(responses.filter(({ status }) => status === 200))
    expect(successors(answered)).toHaveLength(1)
    expect(await liveRefreshTokens(toolgate, grant_id)).toBe(1)
    await expect.poll(poolInUse).toBe(0)
  })
})

describe('a family that somebody else holds', () => {
  it('is 503 after a second, and free again afterwards', async () => {
    const { refresh_token } = await fresh()
    const holder = await begin(knex())
    await holder.raw('select 1 from grants where id = ? for update', [await grantOf(toolgate, refresh_token)])
    expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(503)
    await holder.rollback()
    expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(200)
    await expect.poll(poolInUse).toBe(0)
  })
})

describe('a flood of refreshes', () => {
  it('cannot keep an operator’s or a client’s revocation, or a sign-in, from its connection', async () => {
    const [by_operator, by_client] = [await fresh(), await fresh()]
    const { token } = await toolgate.operatorToken()
    const families: Tokens[] = []
    while (families.length < 20) families.push(await fresh())
    const holder = await begin(knex())
    await holder.raw('select 1 from grants where id = any(?) for update', [
      await Promise.all(families.map(({ refresh_token }) => grantOf(toolgate, refresh_token))),
    ])
    const flood = Promise.all(
      Array.from({ length: 500 }, (_, at) =>
        toolgate.refresh(client_id, families[at % families.length]!.refresh_token),
      ),
    )
    const grant_id = await grantOf(toolgate, by_operator.refresh_token)
    const revoked = await toolgate.fetch(`/operator/api/v1/grants/${grant_id}/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect([revoked.status, await remains(toolgate, grant_id)]).toEqual([200, NOTHING])
    const form = { client_id, token: by_client.refresh_token }
    expect((await toolgate.post('/revoke', form)).status).toBe(200)
    const person = (await toolgate.account()).person()
    expect((await toolgate.authorize(person, client_id)).code).not.toBe('')
    await holder.rollback()
    expect([200, 503]).toEqual(expect.arrayContaining(statusesOf(await flood)))
    for (const { refresh_token } of families)
      expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(200)
    expect(poolInUse()).toBe(0)
  })

  it('can take every connection that is there for token requests, and no other', async () => {
    const { tokens } = toolgate.db.database
    const { refresh_token } = await fresh()
    const person = (await toolgate.account()).person()
    const held = await Promise.all(Array.from({ length: tokens.client.pool.max }, () => begin(tokens)))
    expect((await toolgate.authorize(person, client_id)).code).not.toBe('')
    expect((await toolgate.post('/revoke', { client_id, token: refresh_token })).status).toBe(200)
    expect((await toolgate.fetch('/readyz')).status).toBe(200)
    await Promise.all(held.map((transaction) => transaction.rollback()))
  })
})

describe('a client that hangs up', () => {
  it('while its refresh is under way gets the same successor when it asks again', async () => {
    const { refresh_token } = await fresh()
    const grant_id = await grantOf(toolgate, refresh_token)
    const holder = await begin(knex())
    await holder.raw('lock table refresh_tokens in exclusive mode')
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token }).toString()
    const outgoing = request({
      port: toolgate.port,
      host: '127.0.0.1',
      path: '/token',
      method: 'POST',
      headers: {
        host: new URL(toolgate.issuer).host,
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': body.length,
      },
    })
    outgoing.on('error', () => undefined)
    outgoing.end(body)
    await waitUntil(async () => (await waitingForLocks()) > 0)
    outgoing.destroy()
    await holder.rollback()
    await waitUntil(() => poolInUse() === 0)
    const [again] = await bodiesOf([await toolgate.refresh(client_id, refresh_token)])
    expect(again?.refresh_token).toBeDefined()
    expect(await liveRefreshTokens(toolgate, grant_id)).toBe(1)
    const { events } = await pageEvents(knex(), { grant_id }, 10)
    expect(events.map(({ type }) => type).slice(0, 2)).toEqual(['refresh_token.replayed', 'token.refreshed'])
  })
})

describe('an address that the metadata does not spell this way', () => {
  it.each(['/TOKEN', '/Token', '/token/', '/REVOKE', '/revoke/', '/Register', '/register/'])(
    'is not served: %s',
    async (path) => {
      const { refresh_token } = await fresh()
      const form = { grant_type: 'refresh_token', client_id, refresh_token, token: refresh_token }
      expect((await toolgate.post(path, form)).status).toBe(404)
      expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(200)
    },
  )
})

describe('a second code of one grant', () => {
  it('is refused when the first was redeemed', async () => {
    const person = (await toolgate.account()).person()
    const { code, code_verifier } = await toolgate.authorize(person, client_id, { resource: RESOURCE })
    await knex().raw(
      `insert into authorization_codes (id, grant_id, payload, expires_at)
       select sha256('second-code-second-code-second-code-secondd'), grant_id, payload, expires_at
       from authorization_codes order by expires_at desc limit 1`,
    )
    expect((await toolgate.redeem(client_id, code, code_verifier)).status).toBe(200)
    const second = await toolgate.redeem(
      client_id,
      'second-code-second-code-second-code-secondd',
      code_verifier,
    )
    expect([second.status, await second.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  })
})

async function waitingForLocks(): Promise<number> {
  const { rows } = await knex().raw(
    `select count(*)::int as waiting from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows[0].waiting
}

async function waitUntil(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
}
