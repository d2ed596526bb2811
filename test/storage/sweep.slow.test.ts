import { randomBytes, randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { sweepExpired, wipeSealedResponses } from '../../src/storage/sweep.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let db: Knex

beforeEach(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  await insertAccount(db, { id: 'usr_1', username: 'kim', password_hash: 'x', roles: [] })
})
afterEach(() => test.drop())

/** An interval from now; negative is past. */
const at = (interval: string) => db.raw(`now() + interval '${interval}'`)
const id = () => randomBytes(32)

async function grant(
  name: string,
  change: { created_at?: Knex.Raw; expires_at?: Knex.Raw } = {},
): Promise<string> {
  const row = { id: name, account_id: 'usr_1', client_id: 'c', resource: 'r', scope: 's', payload: {} }
  await putGrant(db, { ...row, ttl_seconds: 86_400 })
  await db('grants')
    .where({ id: name })
    .update({ created_at: at('-2 days'), ...change })
  return name
}

const refreshToken = (grant_id: string, change: object = {}) =>
  db('refresh_tokens').insert({ id: id(), grant_id, payload: '{}', expires_at: at('1 day'), ...change })
const accessToken = (grant_id: string, expires_at: Knex.Raw) =>
  db('access_tokens').insert({
    id: id(),
    grant_id,
    account_id: 'usr_1',
    client_id: 'c',
    resource: 'r',
    scope: 's',
    expires_at,
  })
const code = (grant_id: string, expires_at: Knex.Raw) =>
  db('authorization_codes').insert({ id: id(), grant_id, payload: '{}', expires_at })

const grants = () => db('grants').orderBy('id').pluck('id')
const count = async (table: string) => Number((await db(table).count({ count: '*' }))[0]?.count)

describe('what clients publish', () => {
  const document = (client_id: string, fresh_until: Knex.Raw, metadata: string | null = '{}') =>
    db('metadata_documents').insert({ client_id, metadata, fresh_until })

  it('is kept while a grant needs it, and for a month', async () => {
    await refreshToken(await grant('g'))
    await document('c', at('-100 days'))
    await document('a month', at('-29 days'))
    await document('failed just now', at('-59 minutes'), null)
    await document('forgotten', at('-31 days'))
    await document('failed', at('-61 minutes'), null)
    await db('client_key_sets').insert([
      { jwks_uri: 'used', keys: '[]', fresh_until: at('-89 days'), ask_again_at: at('-89 days') },
      { jwks_uri: 'unused', keys: '[]', fresh_until: at('-91 days'), ask_again_at: at('-91 days') },
      { jwks_uri: 'failed', ask_again_at: at('-61 minutes') },
      { jwks_uri: 'failed just now', ask_again_at: at('-59 minutes') },
    ])
    await sweepExpired(db)
    const kept = await db('metadata_documents').orderBy('client_id').pluck('client_id')
    expect(kept).toEqual(['a month', 'c', 'failed just now'])
    expect(await db('client_key_sets').orderBy('jwks_uri').pluck('jwks_uri')).toEqual([
      'failed just now',
      'used',
    ])
  })
})

describe('what lives survives', () => {
  it('a grant with a live refresh token, with its spent ones of the last week', async () => {
    await refreshToken(await grant('g'), { consumed_at: at('-6 days') })
    await refreshToken('g')
    expect(await sweepExpired(db)).toBe(0)
    expect([await grants(), await count('refresh_tokens')]).toEqual([['g'], 2])
  })

  it('a grant with only a live access token, or only a live code', async () => {
    await accessToken(await grant('access'), at('1 minute'))
    await code(await grant('code'), at('1 minute'))
    expect(await sweepExpired(db)).toBe(0)
    expect(await grants()).toEqual(['access', 'code'])
  })

  it('a grant that was just given and whose code is not there yet', async () => {
    await grant('new', { created_at: at('-1 minute') })
    expect(await sweepExpired(db)).toBe(0)
    expect(await grants()).toEqual(['new'])
  })

  it('a code that expired moments ago: presented now, it must still be known', async () => {
    await code(await grant('g'), at('-59 minutes'))
    expect(await sweepExpired(db)).toBe(0)
  })

  it('sessions, sign-ins and attempts that are not over, and payloads that never end', async () => {
    const payloads = [at('1 minute'), null].map((expires_at, index) => ({
      model: 'Session',
      id: `${index}`,
      payload: '{}',
      expires_at,
    }))
    await db('oidc_payloads').insert(payloads)
    await db('login_attempts').insert({
      key: Buffer.from('account kim'),
      failures_max: 10,
      failures: 9,
      window_ends_at: at('1 minute'),
    })
    await db('page_sessions').insert({ id: id(), account_id: 'usr_1', expires_at: at('1 minute') })
    expect(await sweepExpired(db)).toBe(0)
  })

  it('clients that were used, that an operator added, or that registered within the week', async () => {
    const ten_years = { metadata: '{}', created_at: at('-10 years') }
    await db('clients').insert([
      { id: 'used', ...ten_years, used_at: at('-9 years') },
      { id: 'added', ...ten_years, origin: 'operator' },
      { id: 'new', metadata: '{}', created_at: at('-6 days -23 hours') },
    ])
    expect(await sweepExpired(db)).toBe(0)
    expect(await count('clients')).toBe(3)
  })

  it('ids of reports for seven days, longer than a report may be old', async () => {
    await db('resource_servers').insert({ id: 'rs', resource: 'r', credential_hash: id() })
    const taken = (interval: string) =>
      db('resource_server_reports').insert({
        resource_server_id: 'rs',
        id: randomUUID(),
        taken_at: at(interval),
      })
    await taken('-6 days -23 hours')
    await taken('-7 days')
    expect(await sweepExpired(db)).toBe(1)
    expect(await count('resource_server_reports')).toBe(1)
  })

  it('accounts, resource servers and the audit log, always', async () => {
    await db('resource_servers').insert({
      id: 'rs',
      resource: 'r',
      credential_hash: id(),
      created_at: at('-10 years'),
    })
    await sweepExpired(db)
    expect([await count('accounts'), await count('resource_servers')]).toEqual([1, 1])
  })
})

describe('what is over goes', () => {
  it('an expired grant, with everything it owns', async () => {
    await grant('over', { expires_at: at('-1 second') })
    await refreshToken('over')
    await accessToken('over', at('1 day'))
    await sweepExpired(db)
    expect([await grants(), await count('refresh_tokens'), await count('access_tokens')]).toEqual([[], 0, 0])
  })

  it('a grant of which nothing is left', async () => {
    await grant('bare')
    await refreshToken(await grant('spent'), { expires_at: at('-1 second') })
    await accessToken('spent', at('-1 second'))
    await sweepExpired(db)
    expect(await grants()).toEqual([])
  })

  it('a client that registered a week ago and was never used', async () => {
    await db('clients').insert({ id: 'c', metadata: '{}', created_at: at('-7 days -1 second') })
    expect(await sweepExpired(db)).toBe(1)
    expect(await count('clients')).toBe(0)
  })

  it('sessions and attempts that are over', async () => {
    await db('oidc_payloads').insert({
      model: 'Session',
      id: 's',
      payload: '{}',
      expires_at: at('-1 second'),
    })
    await db('login_attempts').insert({
      key: Buffer.from('account kim'),
      failures_max: 10,
      failures: 9,
      window_ends_at: at('-1 second'),
    })
    await db('page_sessions').insert({ id: id(), account_id: 'usr_1', expires_at: at('-1 second') })
    expect(await sweepExpired(db)).toBe(3)
  })

  it('what was counted by the hour, after 90 days', async () => {
    const calls = { resource: 'r', tool: 't', decision: 'allowed', calls: 1 }
    await db('usage_hours').insert([
      { ...calls, hour: at('-89 days') },
      { ...calls, hour: at('-91 days') },
    ])
    expect(await sweepExpired(db)).toBe(1)
    expect(await count('usage_hours')).toBe(1)
  })

  it('more than one chunk of it', async () => {
    await db.raw(`insert into oidc_payloads (model, id, payload, expires_at)
                  select 'Session', n::text, '{}', now() - interval '1 day' from generate_series(1, 4500) n`)
    expect(await sweepExpired(db)).toBe(4_500)
    expect(await count('oidc_payloads')).toBe(0)
  })

  it('but not what somebody holds at this moment', async () => {
    await grant('held', { expires_at: at('-1 second') })
    await grant('free', { expires_at: at('-1 second') })
    const holder = await db.transaction()
    await holder('grants').where({ id: 'held' }).forUpdate().first()
    await sweepExpired(db)
    expect(await grants()).toEqual(['held'])
    await holder.rollback()
    await sweepExpired(db)
    expect(await grants()).toEqual([])
  })
})

describe('sealed responses', () => {
  it('are forgotten when the grace is over, and kept while it lasts', async () => {
    const sealed_response = Buffer.from('sealed')
    await refreshToken(await grant('over'), { consumed_at: at('-36 seconds'), sealed_response })
    await refreshToken(await grant('within'), { consumed_at: at('-20 seconds'), sealed_response })
    await wipeSealedResponses(db, 30)
    const rows = await db('refresh_tokens').orderBy('grant_id').select('grant_id', 'sealed_response')
    expect(rows).toEqual([
      { grant_id: 'over', sealed_response: null },
      { grant_id: 'within', sealed_response },
    ])
  })
})
