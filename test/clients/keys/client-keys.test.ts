import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientKeys } from '../../../src/clients/keys/client-keys.ts'
import { testKey } from '../../support/assertions.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { DocumentHost, json, status } from '../../support/document-host.ts'

const { public_jwk } = testKey()
const key = (kid: string) => ({ ...public_jwk, kid })

let test: TestDatabase
let host: DocumentHost
let jwks_uri: string
beforeAll(async () => {
  test = await createTestDatabase()
})
beforeEach(async () => {
  host = await DocumentHost.start()
  jwks_uri = host.url(`/${randomBytes(6).toString('hex')}/jwks`)
  host.answer = json({ keys: [key('one')] }, { 'cache-control': 'max-age=300' })
})
afterEach(() => host.close())
afterAll(() => test.drop())

const instance = (timeout_ms = 5_000) =>
  new ClientKeys({ db: test.database.knex, network: host.networkWith({ timeout_ms }) })

const pass = (seconds: number) => {
  const { knex } = test.database
  const earlier = (column: string) => knex.raw('?? - make_interval(secs => ?)', [column, seconds])
  return knex('client_key_sets').update({
    fresh_until: earlier('fresh_until'),
    ask_again_at: earlier('ask_again_at'),
  })
}

const kids = async (kid?: string, timeout_ms?: number) =>
  (await instance(timeout_ms).current(jwks_uri, kid))?.map((each) => each.kid)

describe('published keys', () => {
  it('are fetched once and shared by instances while they are fresh', async () => {
    const one = instance()
    await Promise.all(Array.from({ length: 10 }, () => one.current(jwks_uri, 'one')))
    await pass(299)
    expect(await kids('one')).toEqual(['one'])
    expect(await kids()).toEqual(['one'])
    expect(host.requests.length).toBe(1)
    await pass(2)
    await kids('one')
    expect(host.requests.length).toBe(2)
  })

  it('are asked for again for a key that is not among them, every half minute and no oftener', async () => {
    await kids('one')
    host.answer = json({ keys: [key('one'), key('two')] })
    expect(await kids('two')).toEqual(['one'])
    await pass(31)
    expect(await kids('two')).toEqual(['one', 'two'])
    for (let index = 0; index < 5; index++) await kids(`unknown ${index}`)
    expect(host.requests.length).toBe(2)
  })

  it('that were withdrawn are gone as soon as the copy is no longer fresh', async () => {
    await kids('one')
    host.answer = json({ keys: [] })
    await pass(301)
    expect(await kids('one')).toEqual([])
  })

  it.each([
    ['is broken', status(503)],
    ['is gone', status(404)],
    ['hangs', () => undefined],
    ['publishes something else', json({ error: 'none' })],
    ['publishes too much', json({ keys: [key('x'.repeat(65 * 1024))] })],
  ])('stay in use while their host %s', async (kind, answer) => {
    await kids('one')
    host.answer = answer
    await pass(100_000)
    expect(await kids('one', kind === 'hangs' ? 300 : 5_000)).toEqual(['one'])
    expect(await kids('two')).toEqual(['one'])
    expect(host.requests.length).toBe(2)
  })

  it('may be up to 64 KB, and are unknown where their host never answered', async () => {
    host.answer = json({ keys: [key('big')], filling: 'x'.repeat(60 * 1024) })
    expect(await kids('big')).toEqual(['big'])
    host.answer = status(500)
    expect(await instance().current(host.url('/never'), 'one')).toBeUndefined()
  })

  it.each([
    'http://app.documents.example/x',
    'https://app.documents.example:8443/x',
    'https://127.0.0.2/x',
    'no url',
  ])('are not fetched from %s', async (url) => {
    expect(await instance().current(url, 'one')).toBeUndefined()
    expect(await instance().current(`${url}${'x'.repeat(3_000)}`, 'one')).toBeUndefined()
    expect([host.lookups, host.connections]).toEqual([0, 0])
  })
})
