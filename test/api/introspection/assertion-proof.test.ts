import type { Knex } from 'knex'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { AssertionProof } from '../../../src/api/introspection/assertion-proof.ts'
import {
  authenticates,
  presentedCredentials,
} from '../../../src/api/introspection/resource-server-authentication.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { keySetHash } from '../../../src/clients/resource-servers/resource-server-keys.ts'
import {
  addResourceServer,
  addResourceServerWithKeys,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { asserting, assertion, jwksOf, type TestKey, testKey } from '../../support/assertions.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TEST } from '../../support/origins.ts'

const issuer = 'https://auth.example'
const resource = 'https://notes.example/mcp'
const secret = 'a-secret-of-our-own-with-many-characters'
const key = testKey()

let test: TestDatabase
let db: Knex
let queries: string[]
let proof: AssertionProof
let stored: Buffer

beforeAll(async () => {
  test = await createTestDatabase()
  db = test.database.knex
  const dependencies = { db, audit: new AuditLog(test.database.hot) }
  await addResourceServerWithKeys(dependencies, { id: 'signing', resource, jwks: jwksOf(key) }, TEST)
  await addResourceServer(dependencies, { id: 'secret', resource, secret }, TEST)
  stored = (await db('resource_servers').where({ id: 'signing' }).first()).credential_hash
  db.on('query', ({ sql }: { sql: string }) => queries.push(sql))
})
beforeEach(() => {
  queries = []
  proof = new AssertionProof({ db, issuer })
})
afterAll(() => test.drop())

const read = (text: string) => {
  const form = new Map(Object.entries(asserting(text)))
  return presentedCredentials(undefined, form)
}
const signed = (by: TestKey = key, id = 'signing') => read(assertion(by, { id, aud: issuer }))
const stranger = () => signed({ ...testKey(), kid: key.kid })

describe('the keys of a resource server', () => {
  it('are fetched once, however many ask at the same time and afterwards', async () => {
    const asked = Array.from({ length: 20 }, () => proof.settle(signed(), stored))
    for (const settled of await Promise.all(asked)) expect(authenticates(settled, stored)).toBe(true)
    expect(authenticates(await proof.settle(signed(), stored), stored)).toBe(true)
    expect(queries).toHaveLength(1)
  })

  it('are not fetched again for assertions that are wrong', async () => {
    for (let times = 0; times < 20; times++)
      expect(authenticates(await proof.settle(stranger(), stored), stored)).toBe(false)
    expect(queries).toHaveLength(1)
  })

  it('are not fetched again and again for one who has none', async () => {
    for (let times = 0; times < 20; times++)
      expect(authenticates(await proof.settle(signed(key, 'secret'), sha256(secret)), sha256(secret))).toBe(
        false,
      )
    expect(queries).toHaveLength(1)
  })

  it('are not fetched for nobody', async () => {
    await proof.settle(signed(key, 'nobody'), undefined)
    expect(queries).toEqual([])
  })

  it('that were replaced since the lookup do not count, nor do those that came instead', async () => {
    const before = keySetHash('{"keys":[]}')
    expect(authenticates(await proof.settle(signed(), before), before)).toBe(false)
  })
})

describe('an assertion', () => {
  it('proven before needs no promise, and counts under that key set only', async () => {
    const text = assertion(key, { id: 'signing', aud: issuer })
    await proof.settle(read(text), stored)
    const again = proof.settle(read(text), stored)
    expect(again).not.toBeInstanceOf(Promise)
    expect(authenticates(await again, stored)).toBe(true)
    const other = keySetHash('{"keys":[]}')
    expect(authenticates(await proof.settle(read(text), other), other)).toBe(false)
  })

  it('proven before is refused as soon as it has expired', async () => {
    const text = assertion(key, { id: 'signing', aud: issuer })
    await proof.settle(read(text), stored)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 121_000 })
    const settled = await proof.settle(read(text), stored)
    vi.useRealTimers()
    expect(settled.fault).toBe('The client assertion is refused: it has expired')
    expect(authenticates(settled, stored)).toBe(false)
  })

  it('says what is wrong with it to nobody but who signed it', async () => {
    const elsewhere = { id: 'signing', aud: 'https://elsewhere.example' }
    const fault = `The client assertion is refused: its aud must be ${issuer} and nothing else`
    expect(await proof.settle(read(assertion(key, elsewhere)), stored)).toMatchObject({ fault })
    const forged = await proof.settle(read(assertion({ ...testKey(), kid: key.kid }, elsewhere)), stored)
    expect([forged.fault, authenticates(forged, stored)]).toEqual([undefined, false])
  })

  it('proven before does not count at another authorization server', async () => {
    const text = assertion(key, { id: 'signing', aud: issuer })
    await proof.settle(read(text), stored)
    const elsewhere = new AssertionProof({ db, issuer: 'https://elsewhere.example' })
    expect(authenticates(await elsewhere.settle(read(text), stored), stored)).toBe(false)
  })
})
