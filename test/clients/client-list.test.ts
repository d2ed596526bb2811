import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { blockClient } from '../../src/clients/client-blocks.ts'
import { pageOfClients, showClient } from '../../src/clients/client-list.ts'
import { COUNTED_GRANTS_MAX } from '../../src/clients/client-list-store.ts'
import { insertClient } from '../../src/clients/client-store.ts'
import { addClient } from '../../src/clients/clients.ts'
import { keepDocument, keepFailure } from '../../src/clients/documents/metadata-document-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

let test: TestDatabase
let db: Knex
let audit: AuditLog
const REDIRECTS = ['https://app.example/callback', 'com.example.app:/back', 'https://app.example/other']
const DOCUMENT = 'https://app.documents.example/client.json'
const UNSEEN = 'https://spy.example/client.json'
const FAILED = 'https://failed.example/client.json'
let added: { client_id: string; client_secret?: string }

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  audit = new AuditLog(test.database.hot)
  await insertClient(db, 'cl_registered', { client_name: '100%_real', redirect_uris: REDIRECTS })
  added = await addClient(
    { db, audit },
    { name: 'Added', redirect_uris: ['https://added.example/cb'], confidential: true },
    TEST,
  )
  const metadata = { client_id: DOCUMENT, client_name: 'Documented', redirect_uris: REDIRECTS }
  await keepDocument(db, { client_id: DOCUMENT, metadata, identity: 'x', fresh_for_seconds: 60 })
  await keepFailure(db, { client_id: FAILED, failure: 'gone', refused: true, retry_after_seconds: 60 })
  await blockClient({ db, audit }, UNSEEN, { ...TEST, reason: 'spies' })
})
afterAll(async () => {
  await audit.close()
  await test.drop()
})

const ids = async (filter: Parameters<typeof pageOfClients>[1]) =>
  (await pageOfClients({ db }, filter, { limit: 50 })).clients.map(({ client_id }) => client_id)

/** Live grants of one new account to a client, the last of them `used_hours_ago`. */
async function grants(client_id: string, count: number, used_hours_ago = 1): Promise<string> {
  const account_id = `usr_${randomBytes(6).toString('hex')}`
  await db('accounts').insert({ id: account_id, username: account_id, password_hash: 'x' })
  await db.raw(
    `insert into grants (id, account_id, client_id, scope, payload, created_at, expires_at, last_used_at)
     select ? || n, ?, ?, '', '{}', now() - interval '2 days', now() + interval '1 day',
            now() - make_interval(hours => ?) from generate_series(1, ?) n`,
    [`gr_${account_id}_`, account_id, client_id, used_hours_ago, count],
  )
  return account_id
}

describe('the list of clients', () => {
  it('has all of them however they came, newest first, and says how; a failed fetch is no client', async () => {
    const { clients } = await pageOfClients({ db }, {}, { limit: 50 })
    expect(clients.map(({ client_id, origin, blocked }) => [client_id, origin, blocked])).toEqual([
      [UNSEEN, 'none', true],
      [DOCUMENT, 'document', false],
      [added.client_id, 'operator', false],
      ['cl_registered', 'registration', false],
    ])
    expect(clients.at(-1)?.receivers).toEqual(['app.example', 'com.example.app:'])
    expect(JSON.stringify(clients)).not.toContain('sha256:')
  })

  it('is narrowed by how they came, by part of a name, host or id, and by blocks', async () => {
    expect(await ids({ origin: 'document' })).toEqual([DOCUMENT])
    expect(await ids({ blocked: true })).toEqual([UNSEEN])
    expect(await ids({ blocked: false, origin: 'none' })).toEqual([])
    expect(await ids({ text: 'APP.EXAMPLE' })).toEqual([DOCUMENT, 'cl_registered'])
    expect(await ids({ text: 'documents.example' })).toEqual([DOCUMENT])
    expect(await ids({ text: 'spy' })).toEqual([UNSEEN])
    // What a pattern of the database would take for anything is taken as it is.
    expect(await ids({ text: '0%_r' })).toEqual(['cl_registered'])
    expect(await ids({ text: '%d' })).toEqual([])
    expect(await ids({ text: '\\' })).toEqual([])
  })

  it('goes on page by page without a gap, also through moments that a Date does not tell apart', async () => {
    await db.raw(
      `insert into clients (id, metadata, created_at)
       select 'cl_many' || n, '{}', date_trunc('second', now()) + (n / 3) * interval '1 microsecond'
       from generate_series(1, 30) n`,
    )
    const all = await ids({})
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await pageOfClients({ db }, {}, { limit: 4, after })
      seen.push(...page.clients.map(({ client_id }) => client_id))
      after = page.next
    } while (after)
    expect(seen).toEqual(all)
    expect(new Set(seen).size).toBe(34)
    await db('clients').where('id', 'like', 'cl\\_many%').delete()
  })

  it('says when each was last used, and counts live grants as far as that is cheap', async () => {
    await grants('cl_registered', 2, 5)
    await grants('cl_registered', COUNTED_GRANTS_MAX + 5, 3)
    await grants(added.client_id, 1, 60)
    const { clients } = await pageOfClients({ db }, {}, { limit: 50 })
    const of = (id: string) => clients.find(({ client_id }) => client_id === id)
    expect(of('cl_registered')?.live_grants).toBe(COUNTED_GRANTS_MAX)
    const hours = (id: string) =>
      Math.round((Date.now() - (of(id)?.last_used_at?.getTime() ?? 0)) / 3_600_000)
    expect([hours('cl_registered'), hours(added.client_id)]).toEqual([3, 48])
    expect(of(DOCUMENT)).toMatchObject({ live_grants: 0, last_used_at: null })
  })
})

describe('one client', () => {
  it('shows what is stored but for the secret, and who allowed it something', async () => {
    const account_id = await grants(added.client_id, 2)
    const shown = await showClient({ db }, added.client_id)
    expect(shown).toMatchObject({
      origin: 'operator',
      authentication: 'client_secret_basic',
      redirect_uris: ['https://added.example/cb'],
      block: null,
      document: null,
    })
    expect(shown.grants.map((grant) => grant.account_id)).toContain(account_id)
    expect(shown.metadata).not.toHaveProperty('client_secret')
  })

  it('shows its document and its block', async () => {
    expect((await showClient({ db }, DOCUMENT)).document).toMatchObject({
      fetched_at: expect.any(Date),
      failure: null,
      refused: false,
    })
    expect((await showClient({ db }, UNSEEN)).block).toMatchObject({
      reason: 'spies',
      blocked_by: 'cli:test@machine',
    })
    await expect(showClient({ db }, 'cl_nobody')).rejects.toMatchObject({ code: 'not_found' })
  })
})
