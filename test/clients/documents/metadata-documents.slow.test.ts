import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { Admission, type AdmissionPolicy } from '../../../src/clients/documents/admission.ts'
import { documentUrl, MetadataDocuments } from '../../../src/clients/documents/metadata-documents.ts'
import { jwksOf, testKey } from '../../support/assertions.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { DocumentHost, documentOf, json, misbehaviours, status } from '../../support/document-host.ts'

let test: TestDatabase
let audit: AuditLog
let host: DocumentHost
let client_id: string
beforeAll(async () => {
  test = await createTestDatabase()
  audit = new AuditLog(test.database.hot)
})
beforeEach(async () => {
  host = await DocumentHost.start()
  client_id = host.publish(`/${randomBytes(6).toString('hex')}.json`)
})
afterEach(() => host.close())
afterAll(async () => {
  await audit.close()
  await test.drop()
})

/** One process with its own memory, on the shared database. */
function instance(policy: Partial<AdmissionPolicy> = {}, timeout_ms = 5_000): MetadataDocuments {
  const admission = new Admission({ mode: 'open', hosts: [], dry_run: false, ...policy }, audit)
  return new MetadataDocuments({
    db: test.database.knex,
    admission,
    network: host.networkWith({ timeout_ms }),
  })
}

/** Lets time pass for what is stored, by the clock of the database. */
const pass = (seconds: number) =>
  test.database.knex('metadata_documents').update({
    fresh_until: test.database.knex.raw('fresh_until - make_interval(secs => ?)', [seconds]),
  })

const copy = () => test.database.knex('metadata_documents').where({ client_id }).first('*')

describe('a client id', () => {
  it.each([
    'https://a.example/x',
    'https://a.example/x/',
    'https://a.example/x?y=z',
    'https://xn--bcher-kva.example/x',
  ])('%s is a URL of a document', (text) => {
    expect(documentUrl(text)?.href).toBe(text)
  })

  it.each([
    ...[
      'http://a.example/x',
      'HTTPS://a.example/x',
      'https://A.example/x',
      'https://a.example',
      'https://a.example/',
    ],
    ...[
      'https://a.example:443/x',
      'https://a.example:8443/x',
      'https://u@a.example/x',
      'https://u:p@a.example/x',
    ],
    ...['https://a.example/x#', 'https://a.example/x#y', 'https://a.example/../x', 'https://a.example/./x'],
    ...[
      'https://a.example/%2e%2e/x',
      'https://a.example/x y',
      'https://a.example\\x',
      'https://a.example/x\n',
    ],
    ...[
      'https://2130706433/x',
      'https://127.1/x',
      'https://[0:0::1]/x',
      'https:///a.example/x',
      'https://',
      'cl_x',
      '',
    ],
    `https://a.example/${'x'.repeat(2_048)}`,
  ])('%j is none', async (text) => {
    expect(documentUrl(text)).toBeUndefined()
    expect(await instance().current(text)).toBeUndefined()
    expect(await instance().known(text)).toBeUndefined()
    expect(host.lookups).toBe(0)
  })
})

describe('a good document', () => {
  it('is fetched once, by however many ask at the same time', async () => {
    const documents = instance()
    const found = await Promise.all(Array.from({ length: 20 }, () => documents.current(client_id)))
    for (const metadata of found) expect(metadata).toMatchObject({ client_id, client_name: 'Documented' })
    expect(host.requests.length).toBe(1)
  })

  it('is shared by instances, and asked for again when it is no longer fresh', async () => {
    host.publish(new URL(client_id).pathname, {}, { 'cache-control': 'max-age=120' })
    await instance().current(client_id)
    await pass(119)
    expect(await instance().current(client_id)).toMatchObject({ client_id })
    expect(host.requests.length).toBe(1)
    host.publish(new URL(client_id).pathname, { client_name: 'Renamed' })
    await pass(2)
    expect(await instance().current(client_id)).toMatchObject({ client_name: 'Renamed' })
    expect(host.requests.length).toBe(2)
  })

  it('is not fetched where nobody authorizes', async () => {
    expect(await instance().known(client_id)).toBeUndefined()
    await instance().current(client_id)
    await pass(1_000)
    expect(await instance().known(client_id)).toMatchObject({ client_id })
    expect(host.requests.length).toBe(1)
  })
})

const OUTAGES = [
  'is cut off',
  'never answers',
  'never ends its answer',
  'is forbidden to us',
  'is overloaded',
  'is broken',
  'is away',
]
const LIES = [
  ['is about another client', 'the document is about another client_id'],
  ['has 6 KB', 'the document is larger than 5 KB'],
  ['redirects', 'the host answered 302'],
  ['is a page', 'the answer is not JSON'],
  ['is no JSON', 'the document is not a JSON object'],
  ['has a secret', 'the document holds a client_secret'],
  ['wants a shared secret', 'token_endpoint_auth_method must be one of: none, private_key_jwt'],
  ['is gone', 'the host answered 404'],
] as const

describe.each(OUTAGES)('a document that %s', (kind) => {
  const patience_ms = kind.startsWith('never') ? 300 : 5_000

  it('is replaced by its last good copy', async () => {
    await instance().current(client_id)
    host.answer = misbehaviours(client_id)[kind]!
    await pass(1_000)
    expect(await instance({}, patience_ms).current(client_id)).toMatchObject({ client_id })
    expect(host.requests.length).toBe(2)
    host.publish(new URL(client_id).pathname, { client_name: 'Back' })
    await pass(61)
    expect(await instance().current(client_id)).toMatchObject({ client_name: 'Back' })
    expect(await copy()).toMatchObject({ failure: null, refused: false })
  })

  it('and never was good is no client, and is asked for once a minute by all instances together', async () => {
    host.answer = misbehaviours(client_id)[kind]!
    for (let index = 0; index < 5; index++)
      expect(await instance({}, patience_ms).current(client_id)).toBeUndefined()
    await pass(59)
    expect(await instance({}, patience_ms).current(client_id)).toBeUndefined()
    expect(host.requests.length).toBe(1)
    expect(await instance().failure(client_id)).toMatch(/^the host /)
    await pass(2)
    await instance({}, patience_ms).current(client_id)
    expect(host.requests.length).toBe(2)
  })
})

describe.each(LIES)('a document that %s', (kind, reason) => {
  it('opens no new authorization, whatever it was before, and is asked for once a minute', async () => {
    await instance().current(client_id)
    host.answer = misbehaviours(client_id)[kind]!
    await pass(1_000)
    for (let index = 0; index < 3; index++) expect(await instance().current(client_id)).toBeUndefined()
    expect(await instance().failure(client_id)).toBe(reason)
    expect(host.requests.length).toBe(2)
    expect(await instance().known(client_id)).toMatchObject({ client_id })
  })

  it('does not come back by its host going away', async () => {
    await instance().current(client_id)
    host.answer = misbehaviours(client_id)[kind]!
    await pass(1_000)
    await instance().current(client_id)
    host.answer = status(503)
    await pass(61)
    expect(await instance().current(client_id)).toBeUndefined()
    host.publish(new URL(client_id).pathname)
    await pass(61)
    expect(await instance().current(client_id)).toMatchObject({ client_id })
  })
})

it('over budget a stored copy serves; a client that is not known yet is unavailable, for who asked too much and not for others', async () => {
  const documents = instance()
  await documents.current(client_id)
  await pass(1_000)
  host.answer = (request, response) => json(documentOf(host.url(request.url)))(request, response)
  for (let index = 0; index < 11; index++)
    await documents.current(host.url(`/${index}${randomBytes(6).toString('hex')}`))
  expect(host.requests.length).toBe(12)
  expect(await documents.current(client_id)).toMatchObject({ client_id })
  const unknown = host.url(`/${randomBytes(6).toString('hex')}`)
  await expect(documents.current(unknown)).rejects.toMatchObject({ code: 'unavailable' })
  expect(host.requests.length).toBe(12)
  const both = [
    documents.current(unknown).catch(() => 'busy'),
    documents.current(unknown, { network: '192.0.2.9' }),
  ]
  expect(await Promise.all(both)).toMatchObject([expect.anything(), { client_id: unknown }])
})

describe('a host that is not admitted', () => {
  it('is not asked, and its stored copy opens no new authorization', async () => {
    await instance().current(client_id)
    const closed = instance({ mode: 'closed' })
    expect(await closed.current(client_id)).toBeUndefined()
    expect(await closed.failure(client_id)).toBe('its host is not admitted here')
    expect(await closed.known(client_id)).toMatchObject({ client_id })
    expect(host.requests.length).toBe(1)
  })

  it('is asked on a dry run', async () => {
    expect(await instance({ mode: 'closed', dry_run: true }).current(client_id)).toMatchObject({ client_id })
  })
})

describe('the identity of a client', () => {
  const identity = async (members: Record<string, unknown>) => {
    host.publish(new URL(client_id).pathname, members)
    await pass(1_000)
    await instance().current(client_id)
    return (await copy())!.identity as string
  }

  it('is another after a change of redirect hosts, keys or authentication', async () => {
    const before = await identity({ redirect_uris: ['https://a.example/cb'] })
    const changed = [
      { redirect_uris: ['https://b.example/cb'] },
      { redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] },
      {
        redirect_uris: ['https://a.example/cb'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: jwksOf(testKey()),
      },
      {
        redirect_uris: ['https://a.example/cb'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: jwksOf(testKey()),
      },
      {
        redirect_uris: ['https://a.example/cb'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://a.example/jwks',
      },
    ]
    const after = []
    for (const members of changed) after.push(await identity(members))
    expect(new Set([before, ...after]).size).toBe(changed.length + 1)
  })

  it('stays the same after a change of names, paths or order', async () => {
    const before = await identity({ redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] })
    const same = [
      { redirect_uris: ['https://b.example/cb', 'https://a.example/other'] },
      {
        redirect_uris: ['https://a.example/cb', 'https://b.example/cb'],
        client_name: 'Other',
        logo_uri: 'https://a.example/x',
      },
    ]
    for (const members of same) expect(await identity(members)).toBe(before)
  })
})
