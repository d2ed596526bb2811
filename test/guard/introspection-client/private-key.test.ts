import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { generateSigningKey } from '../../../src/clients/keys/signing-key.ts'
import {
  addResourceServerWithKeys,
  rotateResourceServerKeys,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { createGuard } from '../../../src/guard/guard.ts'
import type { GuardOptions } from '../../../src/guard/guard-options.ts'
import type { GuardedRequest } from '../../../src/guard/guarded-request.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let token: string
beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { person } = await toolgate.account()
  token = (await toolgate.tokens(person(), (await toolgate.register()).client_id)).access_token
})
afterEach(() => vi.useRealTimers())
afterAll(() => toolgate.close())

const request = (): GuardedRequest => ({
  headers: new Headers({ authorization: `Bearer ${token}` }),
  query: new URLSearchParams(),
  readBody: async () => ({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
})

/** A guard with this key, and what it sent. */
function guardWith(client_id: string, private_key: Record<string, unknown>, errors: string[] = []) {
  const sent: { headers: Headers; form: URLSearchParams }[] = []
  const options: GuardOptions = {
    resource: RESOURCE,
    issuer: toolgate.issuer,
    client_id,
    private_key,
    default_scopes: ['notes:read'],
    on_error: ({ message }) => errors.push(message),
    fetch: (url, init) => {
      sent.push({ headers: new Headers(init?.headers), form: new URLSearchParams(String(init?.body)) })
      return fetch(url, init)
    },
  }
  return { guard: createGuard(options), sent, errors }
}

const register = (id: string, jwks: unknown) =>
  addResourceServerWithKeys(toolgate.dependencies, { id, resource: RESOURCE, jwks }, TEST)

const made: Record<string, () => JsonWebKey> = {
  'EC P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  Ed25519: () => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' }),
  'RSA for PS256': () => ({ ...made.RSA?.(), alg: 'PS256', use: 'sig', key_ops: ['sign'] }),
}
const publicHalf = ({ kty, crv, x, y, n, e, alg }: JsonWebKey) => ({ kty, crv, x, y, n, e, alg })

describe('the guard with a private key', () => {
  it.each(Object.keys(made))('of kind %s is let in, and sends no secret', async (kind) => {
    const private_key = made[kind]?.() as JsonWebKey
    const id = kind.toLowerCase().replace(/\W/g, '_')
    await register(id, { keys: [publicHalf(private_key)] })
    const { guard, sent } = guardWith(id, private_key as Record<string, unknown>)
    expect(await guard.decide(request())).toMatchObject({ outcome: 'allowed' })
    expect(sent[0]?.headers.has('authorization')).toBe(false)
    expect(sent[0]?.form.toString()).not.toContain(private_key.d)
  })

  it('signs once for most of the life of an assertion, and then anew', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { private_key, jwks } = await generateSigningKey()
    await register('reusing', jwks)
    const { guard, sent } = guardWith('reusing', private_key as Record<string, unknown>)
    const assertions = () => new Set(sent.map(({ form }) => form.get('client_assertion'))).size
    for (const seconds of [0, 60, 120]) {
      vi.setSystemTime(Date.now() + seconds * 1000)
      await guard.decide(request())
    }
    expect([sent.length, assertions()]).toEqual([3, 1])
    vi.setSystemTime(Date.now() + 30_000)
    await guard.decide(request())
    expect([sent.length, assertions()]).toEqual([4, 2])
  })

  it('whose key was replaced is answered 503, says what to check, and signs anew', async () => {
    const [old, fresh] = [await generateSigningKey(), await generateSigningKey()]
    await register('replaced', old.jwks)
    const { guard, sent, errors } = guardWith('replaced', old.private_key as Record<string, unknown>)
    await guard.decide(request())
    await rotateResourceServerKeys(toolgate.dependencies, { id: 'replaced', jwks: fresh.jwks }, TEST)
    for (let times = 0; times < 2; times++)
      expect(await guard.decide(request())).toMatchObject({ outcome: 'refused', status: 503 })
    expect(errors[0]).toContain('check client_id and its secret or key')
    expect(new Set(sent.map(({ form }) => form.get('client_assertion'))).size).toBe(2)
  })

  it('that cannot be read lets nothing through, and the report does not quote it', async () => {
    const { guard, errors } = guardWith('broken', { kty: 'EC', crv: 'P-256', d: 'not-a-key', x: 'x', y: 'y' })
    for (let times = 0; times < 2; times++)
      expect(await guard.decide(request())).toMatchObject({ outcome: 'refused', status: 503 })
    expect(errors[0]).toBe('The private key cannot be read')
  })

  it.each<[string, Partial<GuardOptions>]>([
    ['a public key', { private_key: publicHalf(made.RSA?.() as JsonWebKey) as Record<string, unknown> }],
    ['another curve', { private_key: { kty: 'EC', crv: 'P-384', d: 'x' } }],
    ['a symmetric key', { private_key: { kty: 'oct', k: 'x' } }],
    ['a secret beside it', { private_key: { kty: 'RSA', d: 'x' }, client_secret: 'x' }],
  ])('stops at start-up on %s', (_, options) => {
    const rest = { resource: RESOURCE, issuer: toolgate.issuer, client_id: 'x', default_scopes: [] }
    expect(() => createGuard({ ...rest, ...options })).toThrow(/^private_key must/)
  })
})
