import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { generateSigningKey } from '../../../src/clients/keys/signing-key.ts'
import {
  addResourceServer,
  addResourceServerWithKeys,
  removeResourceServer,
  rotateResourceServerKeys,
  rotateResourceServerSecret,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TEST } from '../../support/origins.ts'

const resource = 'https://notes.example/mcp'
const secret = 'a-secret-of-our-own-with-many-characters'

let test: TestDatabase
let dependencies: { db: TestDatabase['database']['knex']; audit: AuditLog }
beforeAll(async () => {
  test = await createTestDatabase()
  dependencies = { db: test.database.knex, audit: new AuditLog(test.database.hot) }
})
afterAll(async () => {
  await dependencies?.audit.close()
  await test?.drop()
})

const created = async (client_id: string) => {
  const { events } = await pageEvents(dependencies.db, { type: 'resource_server.created' }, 100)
  return events.filter((event) => event.client_id === client_id).length
}

describe('resource servers', () => {
  it('the audit log says by which method one proves itself, and by which keys', async () => {
    const [first, second] = [await generateSigningKey(), await generateSigningKey()]
    const request = { resource, id: 'signing' }
    await addResourceServerWithKeys(dependencies, { ...request, jwks: first.jwks }, TEST)
    await addResourceServerWithKeys(dependencies, { ...request, jwks: first.jwks }, TEST)
    await rotateResourceServerKeys(dependencies, { id: 'signing', jwks: second.jwks }, TEST)
    await rotateResourceServerSecret(dependencies, 'signing', TEST)
    const { events } = await pageEvents(dependencies.db, { client_id: 'signing' }, 10)
    expect(events.map(({ type, detail }) => [type, detail])).toEqual([
      ['resource_server.changed', { change: 'secret_rotated', authentication: 'client_secret' }],
      [
        'resource_server.changed',
        { change: 'keys_rotated', authentication: 'private_key_jwt', keys: [second.private_key.kid] },
      ],
      ['resource_server.created', { authentication: 'private_key_jwt', keys: [first.private_key.kid] }],
    ])
  })

  it('a secret made here is random and not stored', async () => {
    const { client_secret } = await addResourceServer(dependencies, { resource, id: 'made' }, TEST)
    expect(client_secret).toMatch(/^[\w-]{43}$/)
    expect(JSON.stringify(await dependencies.db('resource_servers'))).not.toContain(client_secret)
  })

  it('adding the same with a secret of one’s own again changes nothing and records nothing', async () => {
    const request = { resource, id: 'own', secret }
    const first = await addResourceServer(dependencies, request, TEST)
    expect(await addResourceServer(dependencies, request, TEST)).toEqual(first)
    expect(await created('own')).toBe(1)
  })

  it.each([
    ['another secret', { secret: `${secret}-2` }],
    ['another resource', { resource: 'https://other.example/mcp' }],
    ['no secret', { secret: undefined }],
  ])('the same id with %s is a conflict', async (_, change) => {
    const request = { resource, id: 'own', secret, ...change }
    await expect(addResourceServer(dependencies, request, TEST)).rejects.toMatchObject({ code: 'conflict' })
  })

  it.each(['', 'short', 'x'.repeat(257), `${secret}:`, `${secret} `, `${secret}~`, `${secret}é`])(
    'a secret that is weak, or that clients encode differently, is refused: %j',
    async (weak) => {
      const request = { resource, id: 'weak', secret: weak }
      await expect(addResourceServer(dependencies, request, TEST)).rejects.toMatchObject({
        code: 'invalid_input',
      })
    },
  )

  it('a new secret replaces the old one, and what was removed is gone', async () => {
    const rotated = await rotateResourceServerSecret(dependencies, 'own', TEST)
    expect(rotated.client_secret).not.toBe(secret)
    await removeResourceServer(dependencies, 'own', TEST)
    await expect(removeResourceServer(dependencies, 'own', TEST)).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
