import { randomBytes } from 'node:crypto'
import { errors } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { createAdapterFactory } from '../../src/authorization-server/adapters/adapter.ts'
import { runInTransaction } from '../../src/authorization-server/tokens/unit-of-work.ts'
import { Admission } from '../../src/clients/documents/admission.ts'
import { MetadataDocuments } from '../../src/clients/documents/metadata-documents.ts'
import { ClientKeys } from '../../src/clients/keys/client-keys.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { RESOURCE } from '../support/toolgate.ts'

/** The engine's store contract, model by model: what goes in comes out, and nothing that opens anything is at rest. */
let test: TestDatabase
let adapterOf: ReturnType<typeof createAdapterFactory>

beforeAll(async () => {
  test = await createTestDatabase()
  const { knex: db } = test.database
  const admission = new Admission(
    { mode: 'open', hosts: [], dry_run: false },
    new AuditLog(test.database.hot),
  )
  adapterOf = createAdapterFactory({
    db,
    issuer: 'https://auth.example',
    refresh_grace_seconds: 30,
    documents: new MetadataDocuments({ db, admission }),
    client_keys: new ClientKeys({ db }),
  })
  await insertAccount(db, { id: 'usr_1', username: 'kim', password_hash: 'x', roles: [] })
})
afterAll(() => test.drop())

const bearer = () => randomBytes(32).toString('base64url')

async function grant(): Promise<string> {
  const id = bearer()
  const payload = { accountId: 'usr_1', clientId: 'cl_1', resources: { [RESOURCE]: 'notes:read' } }
  await inTransaction(test.database.knex, (trx) =>
    runInTransaction(trx, () => adapterOf('Grant').upsert(id, payload, 3_600)),
  )
  return id
}

/** Everything that is stored, as text. */
async function atRest(): Promise<string> {
  const tables = ['oidc_payloads', 'authorization_codes', 'refresh_tokens', 'access_tokens', 'clients']
  const rows = await Promise.all(tables.map((table) => test.database.knex(table).select('*')))
  return JSON.stringify(rows.flat(), (_, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
  )
}

const OWNED = ['AuthorizationCode', 'RefreshToken', 'AccessToken'] as const
const BROWSER = ['Session', 'Interaction'] as const

describe.each(OWNED)('%s', (model) => {
  const payloadOf = (grantId: string) => ({
    grantId,
    accountId: 'usr_1',
    clientId: 'cl_1',
    aud: RESOURCE,
    scope: 'notes:read',
  })

  it('is found by its value, which is stored as a hash only', async () => {
    const id = bearer()
    await adapterOf(model).upsert(id, { ...payloadOf(await grant()), jti: id }, 60)
    expect(await adapterOf(model).find(id)).toMatchObject({ jti: id, accountId: 'usr_1', clientId: 'cl_1' })
    expect(await atRest()).not.toContain(id)
  })

  it('is gone with its grant, and cannot be made for a grant that is gone', async () => {
    const [id, grant_id] = [bearer(), await grant()]
    await adapterOf(model).upsert(id, payloadOf(grant_id), 60)
    await adapterOf('Grant').destroy(grant_id)
    expect(await adapterOf(model).find(id)).toBeUndefined()
    const orphan = adapterOf(model).upsert(bearer(), payloadOf(grant_id), 60)
    await expect(orphan).rejects.toThrow(errors.InvalidGrant)
  })

  it('that is destroyed is not found', async () => {
    const id = bearer()
    await adapterOf(model).upsert(id, payloadOf(await grant()), 60)
    await adapterOf(model).destroy(id)
    expect(await adapterOf(model).find(id)).toBeUndefined()
  })

  it.each(['', 'x', '../../x', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}\0`, '\ud800', '{}'])(
    'of the shape %j is not found',
    async (id) => {
      expect(await adapterOf(model).find(id)).toBeUndefined()
    },
  )
})

describe.each(['AuthorizationCode', 'RefreshToken'])('%s', (model) => {
  it('is consumed once, by one of two that try at the same time', async () => {
    const id = bearer()
    await adapterOf(model).upsert(id, { grantId: await grant() }, 60)
    const tries = await Promise.allSettled([adapterOf(model).consume(id), adapterOf(model).consume(id)])
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await adapterOf(model).find(id)).toMatchObject({ consumed: 1 })
  })

  it('that has expired by the clock of the database says so, whatever the clock here', async () => {
    const id = bearer()
    await adapterOf(model).upsert(id, { grantId: await grant() }, -1)
    expect(await adapterOf(model).find(id)).toMatchObject({ exp: 1 })
  })
})

describe.each(BROWSER)('%s', (model) => {
  it('is found by the value of its cookie, which is stored as a hash only', async () => {
    const id = bearer()
    await adapterOf(model).upsert(
      id,
      { jti: id, uid: bearer(), session: { cookie: id, uid: 'u' } } as never,
      60,
    )
    const found = await adapterOf(model).find(id)
    expect(found).toMatchObject({ jti: id })
    if (model === 'Interaction') {
      expect(found).toMatchObject({ returnTo: `https://auth.example/authorize/${id}` })
      expect(await atRest()).not.toContain(id)
    }
  })

  it('that expired, was destroyed or never was is not found', async () => {
    const [expired, destroyed] = [bearer(), bearer()]
    await adapterOf(model).upsert(expired, { jti: expired }, -1)
    await adapterOf(model).upsert(destroyed, { jti: destroyed }, 60)
    await adapterOf(model).destroy(destroyed)
    for (const id of [expired, destroyed, bearer(), '', '\0', '../x', 'x'.repeat(200)])
      expect(await adapterOf(model).find(id)).toBeUndefined()
  })
})

describe('a client', () => {
  it('keeps its secret as a digest', async () => {
    const [id, client_secret] = [`cl_${bearer()}`, bearer()]
    await adapterOf('Client').upsert(id, { client_id: id, client_secret } as never, 0)
    expect(await adapterOf('Client').find(id)).toMatchObject({
      client_id: id,
      client_secret: expect.stringMatching(/^sha256:/),
    })
    expect(await atRest()).not.toContain(client_secret)
  })

  it.each(['', ' ', 'a b', '\0', '\ud800', 'ü', 'x'.repeat(2_049), '\u202e'])(
    'of the id %j is not found',
    async (id) => {
      expect(await adapterOf('Client').find(id)).toBeUndefined()
    },
  )
})

describe('a replay guard', () => {
  it('takes an id once, by one of two at the same time', async () => {
    const id = bearer()
    const tries = [1, 2].map(() => adapterOf('ReplayDetection').upsert(id, {}, 60))
    const outcomes = await Promise.allSettled(tries)
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a grant', () => {
  it('holds one resource', async () => {
    const resources = { [RESOURCE]: 'a', 'https://other.example': 'b' }
    const two = adapterOf('Grant').upsert(bearer(), { accountId: 'usr_1', clientId: 'c', resources }, 60)
    await expect(two).rejects.toThrow(errors.InvalidTarget)
  })
})

it('a model that no flow of ours uses can be looked for, and never stored', async () => {
  for (const model of ['DeviceCode', 'BackchannelAuthenticationRequest', 'PushedAuthorizationRequest']) {
    expect(await adapterOf(model).find('x')).toBeUndefined()
    await expect(adapterOf(model).upsert('x', {}, 60)).rejects.toThrow(`${model} does not support this`)
  }
})
