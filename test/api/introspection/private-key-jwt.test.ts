import { createHmac, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import {
  addResourceServerWithKeys,
  removeResourceServer,
  rotateResourceServerKeys,
  rotateResourceServerSecret,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import {
  ASSERTION_TYPE,
  asserting,
  assertion,
  jwksOf,
  nowSeconds,
  part,
  type TestKey,
  testKey,
} from '../../support/assertions.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256']

let toolgate: Toolgate
/** Another process of the same installation. */
let other: Toolgate
let token: string
let key: TestKey
const id = 'rs_signing'
const keys = new Map(ALGORITHMS.map((alg) => [alg, testKey(alg)] as const))

beforeAll(async () => {
  toolgate = await Toolgate.start()
  other = await Toolgate.start({ beside: toolgate })
  const { person } = await toolgate.account()
  token = (await toolgate.tokens(person(), (await toolgate.register()).client_id)).access_token
  key = keys.get('ES256') as TestKey
  await add(id, ...keys.values(), testKey('ES256'))
})
afterAll(async () => {
  await other?.close()
  await toolgate?.close()
})

const add = (name: string, ...its: TestKey[]) =>
  addResourceServerWithKeys(
    toolgate.dependencies,
    { id: name, resource: RESOURCE, jwks: jwksOf(...its) },
    TEST,
  )
const rotate = (name: string, ...its: TestKey[]) =>
  rotateResourceServerKeys(toolgate.dependencies, { id: name, jwks: jwksOf(...its) }, TEST)
const to = (name = id) => ({ id: name, aud: toolgate.issuer })
const good = (claims = {}, header = {}) => assertion(key, to(), claims, header)

async function ask(form: Record<string, string>, at = toolgate, headers = {}) {
  const response = await at.post('/introspect', { token, ...form }, headers)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const signedBy = (signer: TestKey, name: string, at = toolgate) =>
  ask(asserting(assertion(signer, to(name))), at)

describe('a resource server with keys', () => {
  it.each(ALGORITHMS)('is answered when it signs with %s', async (alg) => {
    const { status, body } = await ask(asserting(assertion(keys.get(alg) as TestKey, to())))
    expect([status, body.active]).toEqual([200, true])
  })

  it('may name the introspection endpoint, list its one audience, leave out typ, iat and kid', async () => {
    const alone = testKey()
    await add('rs_alone', alone)
    for (const [claims, header] of [
      [{ aud: `${toolgate.issuer}/introspect` }, {}],
      [{ aud: [toolgate.issuer] }, {}],
      [{ iat: undefined }, { typ: undefined, kid: undefined }],
      [{ nbf: nowSeconds() - 5 }, { typ: 'client-authentication+jwt' }],
    ]) {
      const text = assertion(alone, to('rs_alone'), claims, header)
      expect(await ask(asserting(text)), JSON.stringify([claims, header])).toMatchObject({
        body: { active: true },
      })
    }
  })

  it('may use an assertion again until it expires, on every instance', async () => {
    const form = asserting(good())
    for (const at of [toolgate, other, toolgate, other])
      expect(await ask(form, at)).toMatchObject({ status: 200, body: { active: true } })
  })

  it('sees no token of another resource', async () => {
    const request = { id: 'rs_elsewhere', resource: 'https://other.example/mcp', jwks: jwksOf(key) }
    await addResourceServerWithKeys(toolgate.dependencies, request, TEST)
    expect(await signedBy(key, 'rs_elsewhere')).toEqual({ status: 200, body: { active: false } })
  })

  it('cannot be impersonated with its public keys as a secret', async () => {
    const { jwks } = await toolgate.db.database.knex('resource_servers').where({ id }).first('jwks')
    expect(await ask({ client_id: id, client_secret: jwks })).toMatchObject({ status: 401 })
  })
})

describe('from the next introspection on, on every instance', () => {
  it('a new key counts and one that was replaced does not, even in an assertion that was used before', async () => {
    const [first, second, third] = [testKey(), testKey(), testKey()]
    await add('rs_rotating', first)
    const used = asserting(assertion(first, to('rs_rotating')))
    for (const at of [toolgate, other]) expect((await ask(used, at)).status).toBe(200)

    await rotate('rs_rotating', first, second)
    for (const at of [other, toolgate]) {
      expect((await ask(used, at)).status).toBe(200)
      expect((await signedBy(second, 'rs_rotating', at)).status).toBe(200)
    }
    await rotate('rs_rotating', third)
    for (const at of [toolgate, other]) {
      expect((await ask(used, at)).status).toBe(401)
      expect((await signedBy(second, 'rs_rotating', at)).status).toBe(401)
      expect((await signedBy(third, 'rs_rotating', at)).status).toBe(200)
    }
    await rotate('rs_rotating', first)
    for (const at of [other, toolgate]) expect((await ask(used, at)).status).toBe(200)
  })

  it('a secret replaces keys, keys replace a secret, and whoever is removed is refused', async () => {
    const form = asserting(assertion(key, to('rs_changing')))
    await add('rs_changing', key)
    const statuses = async (one: Record<string, string>) =>
      Promise.all([toolgate, other].map(async (at) => (await ask(one, at)).status))
    expect(await statuses(form)).toEqual([200, 200])

    const { client_id, client_secret } = await rotateResourceServerSecret(
      toolgate.dependencies,
      'rs_changing',
      TEST,
    )
    expect([await statuses(form), await statuses({ client_id, client_secret })]).toEqual([
      [401, 401],
      [200, 200],
    ])
    await rotate('rs_changing', key)
    expect([await statuses(form), await statuses({ client_id, client_secret })]).toEqual([
      [200, 200],
      [401, 401],
    ])
    await removeResourceServer(toolgate.dependencies, 'rs_changing', TEST)
    expect(await statuses(form)).toEqual([401, 401])
  })
})

const later = (seconds: number) => nowSeconds() + seconds
const stranger = testKey('ES256')
const hmac = () => {
  const text = `${part({ alg: 'HS256' })}.${part({ iss: id, sub: id, aud: toolgate.issuer, exp: later(60), jti: 'x' })}`
  const secret = JSON.stringify(jwksOf(key).keys[0])
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
const unsigned = (alg: string) => `${good({}, { alg }).split('.').slice(0, 2).join('.')}.`
const swapped = () =>
  `${good({ jti: 'a' }).split('.').slice(0, 2).join('.')}.${good({ jti: 'b' }).split('.')[2]}`

describe('an assertion is refused with 401', () => {
  it.each<[string, () => string]>([
    ['of a key that is not registered', () => assertion({ ...stranger, kid: key.kid }, to())],
    ['with a kid that nobody has', () => good({}, { kid: 'nobody' })],
    ['of two keys of one kind, without saying which', () => good({}, { kid: undefined })],
    ['under the name of another algorithm', () => good({}, { alg: 'EdDSA' })],
    [
      'for RS256 with a key for PS256',
      () => assertion({ ...(keys.get('PS256') as TestKey), alg: 'RS256' }, to()),
    ],
    ['with alg none', () => unsigned('none')],
    ['without a signature', () => unsigned('ES256')],
    ['with a symmetric alg', hmac],
    ['with the signature of another', swapped],
    ['with a critical extension', () => good({}, { crit: ['b64'], b64: false })],
    ['with a typ that is no client assertion', () => good({}, { typ: 'at+jwt' })],
    ['of an issuer who is not the subject', () => good({ iss: 'rs_other' })],
    ['without iss', () => good({ iss: undefined })],
    ['without sub', () => good({ sub: undefined })],
    ['of nobody known', () => assertion(key, to('rs_nobody'))],
    ['of somebody who cannot be', () => assertion(key, to('RS SIGNING'))],
    ['for another server', () => good({ aud: 'https://elsewhere.example' })],
    ['for the token endpoint', () => good({ aud: `${toolgate.issuer}/token` })],
    ['for two audiences', () => good({ aud: [toolgate.issuer, 'https://elsewhere.example'] })],
    ['for one audience twice', () => good({ aud: [toolgate.issuer, toolgate.issuer] })],
    ['for nobody', () => good({ aud: [] })],
    ['without aud', () => good({ aud: undefined })],
    ['for the issuer with a slash', () => good({ aud: `${toolgate.issuer}/` })],
    ['that has expired', () => good({ exp: later(-1) })],
    ['without exp', () => good({ exp: undefined })],
    ['with exp as text', () => good({ exp: String(later(60)) })],
    ['that lives too long', () => good({ exp: later(420) })],
    ['that is not valid yet', () => good({ nbf: later(90) })],
    ['from the future', () => good({ iat: later(90) })],
    ['with iat as text', () => good({ iat: 'now' })],
    ['without jti', () => good({ jti: undefined })],
    ['with an empty jti', () => good({ jti: '' })],
    ['with a jti that is no text', () => good({ jti: 7 })],
    ['that is longer than any', () => good({ filler: 'x'.repeat(8_000) })],
    ['that is no JWT', () => 'nonsense'],
    ['with four parts', () => `${good()}.x`],
    ['padded', () => `${good()}=`],
    ['of arrays', () => `${part([])}.${part([])}.x`],
    ['of null', () => `${part(null)}.${part(null)}.x`],
  ])('%s', async (_, make) => {
    const { status, body } = await ask(asserting(make()))
    expect({ status, body }).toEqual({
      status: 401,
      body: { error: 'invalid_client', error_description: expect.any(String) },
    })
  })

  it('that names one client and stands beside another client_id', async () => {
    const other = await ask({ ...asserting(good()), client_id: 'rs_other' })
    expect(other).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(await ask({ ...asserting(good()), client_id: id })).toMatchObject({ status: 200 })
  })

  it('in the very words that a wrong secret gets, when only its signature is wrong', async () => {
    const answers = await Promise.all([
      ask(asserting(assertion({ ...stranger, kid: key.kid }, to()))),
      ask(asserting(assertion(key, to('rs_nobody')))),
      ask({ client_id: id, client_secret: 'wrong' }),
    ])
    for (const answer of answers) expect(answer).toEqual(answers[0])
  })

  it('and what is wrong with it is said, and recorded', async () => {
    const request_id = randomUUID()
    const expired = asserting(good({ exp: later(-1) }))
    const { body } = await ask(expired, toolgate, { 'x-request-id': request_id })
    expect(body.error_description).toMatch(/has expired/)
    const { events } = await pageEvents(toolgate.db.database.knex, { type: 'introspection.refused' }, 1_000)
    expect(events.find((event) => event.request_id === request_id)).toMatchObject({
      actor_kind: 'unauthenticated',
      decision: 'denied',
      detail: {
        presented_client_id: id,
        authentication: 'private_key_jwt',
        fault: expect.stringContaining('expired'),
      },
    })
  })
})

describe('authenticating in one way only', () => {
  it.each<[string, () => Record<string, string>, Record<string, string>]>([
    ['an assertion and a secret', () => ({ ...asserting(good()), client_secret: 'x' }), {}],
    ['an assertion and a header', () => asserting(good()), { authorization: 'Basic cnM6eA==' }],
    ['a type and a secret', () => ({ client_assertion_type: ASSERTION_TYPE, client_secret: 'x' }), {}],
    ['an assertion without its type', () => ({ client_assertion: good() }), {}],
    ['a type without an assertion', () => ({ client_assertion_type: ASSERTION_TYPE }), {}],
    ['another type', () => ({ ...asserting(good()), client_assertion_type: `${ASSERTION_TYPE}x` }), {}],
    [
      'a SAML assertion',
      () => ({ client_assertion: good(), client_assertion_type: ASSERTION_TYPE.replace('jwt', 'saml2') }),
      {},
    ],
  ])('%s is 400', async (_, form, headers) => {
    expect(await ask(form(), toolgate, headers)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
  })
})

describe('whatever is done to an assertion', () => {
  it('one changed character is a refusal, never an answer about the token and never a fault', async () => {
    const text = good()
    const character = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.')
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 2 }), character, async (at, put) => {
        fc.pre(text[at] !== put && text[at + 1] !== undefined)
        const { status } = await ask(asserting(text.slice(0, at) + put + text.slice(at + 1)))
        expect(status).toBe(401)
      }),
      { numRuns: 150 },
    )
  })

  it('signed nonsense is refused, never a fault', async () => {
    const json = fc.jsonValue()
    const claims = fc.dictionary(fc.constantFrom('aud', 'exp', 'iss', 'sub', 'jti'), json, { minKeys: 1 })
    const header = fc.dictionary(fc.constantFrom('typ', 'kid', 'crit', 'jwk'), json)
    await fc.assert(
      fc.asyncProperty(claims, header, async (wrong, strange) => {
        const form = asserting(assertion(key, to(), { ...wrong, aud: wrong.aud ?? null }, strange))
        expect((await ask(form)).status).toBe(401)
      }),
      { numRuns: 150 },
    )
  })
})
