import { readFileSync } from 'node:fs'
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultResource, resourceServerInfo } from '../../src/authorization-server/resource-indicators.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue, CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { RESOURCE } from '../support/toolgate.ts'

let test: TestDatabase
let empty: TestDatabase
beforeAll(async () => {
  ;[test, empty] = await Promise.all([createTestDatabase(), createTestDatabase()])
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  await applyCatalogue(test.database.knex, read.catalogue, 'test')
})
afterAll(() => Promise.all([test.drop(), empty.drop()]))

const dependencies = (from: TestDatabase) => ({
  db: from.database.knex,
  catalogues: new CatalogueCache(),
  access_token_ttl_seconds: 600,
})

/** The part of the engine's context that is read. */
function context(oidc: { account?: unknown; session?: unknown; params?: unknown }): KoaContextWithOIDC {
  return { oidc } as unknown as KoaContextWithOIDC
}

const info = (oidc: Parameters<typeof context>[0], resource = RESOURCE, from = test) =>
  resourceServerInfo(dependencies(from))(context(oidc), resource, { clientId: 'cl_1' } as Client)

describe('scopes of a resource', () => {
  it('before anybody signed in are all it has', async () => {
    expect(await info({})).toEqual({
      scope: 'notes:read notes:write notes:delete',
      audience: RESOURCE,
      accessTokenFormat: 'opaque',
      accessTokenTTL: 600,
    })
  })

  it.each([
    [['editor'], 'notes:delete notes:read notes:write'],
    [['reader'], 'notes:read'],
    [['reader', 'gone'], 'notes:read'],
    [['gone'], ''],
    [[], ''],
  ])('for the roles %j are: %s', async (roles, scope) => {
    const found = await info({ account: { accountId: 'usr_1', roles } })
    expect(found.scope.split(' ').sort().join(' ')).toBe(scope)
  })

  it('for a session of an account that is gone are none', async () => {
    expect((await info({ session: { accountId: 'usr_gone' } })).scope).toBe('')
  })
})

describe('a resource that cannot be had', () => {
  it('is refused with the ones that can', async () => {
    await expect(info({}, 'https://unknown.example')).rejects.toMatchObject({
      error: 'invalid_target',
      error_description: expect.stringContaining(RESOURCE),
    })
  })

  it('two at once are refused', async () => {
    await expect(info({ params: { resource: [RESOURCE, RESOURCE] } })).rejects.toThrow(errors.InvalidTarget)
  })

  it('before any catalogue was applied, every one is', async () => {
    await expect(info({}, RESOURCE, empty)).rejects.toMatchObject({
      error_description: expect.stringMatching(/none$/),
    })
  })
})

describe('no resource named', () => {
  const choose = (one_of?: string[]) => defaultResource(dependencies(test))(context({}), undefined, one_of)

  it('the one of the grant is meant; of several, or of none, the choices are named', async () => {
    expect(await choose(['https://a.example'])).toBe('https://a.example')
    await expect(choose(['https://a.example', 'https://b.example'])).rejects.toMatchObject({
      error: 'invalid_target',
      error_description: 'name a resource; known: https://a.example https://b.example',
    })
    await expect(choose()).rejects.toMatchObject({ error_description: `name a resource; known: ${RESOURCE}` })
  })
})
