import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKeys } from '../../src/authorization-server/keys.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createApp } from '../../src/main/app.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { send } from '../support/send.ts'
import { Toolgate } from '../support/toolgate.ts'
import { serveRaw } from './raw-http.ts'

const ORIGIN = { origin: 'https://inspector.example' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_BODY = { 'content-type': 'application/json' }

let root: Toolgate
let below: Toolgate
beforeAll(async () => {
  root = await Toolgate.start({ env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '1' } })
  below = await Toolgate.start({ path: '/auth' })
})
afterAll(() => Promise.all([root.close(), below.close()]))

function headersOf(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-')))
}

const ANY = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Retry-After, X-Request-Id',
}

const OPEN = [
  ['/.well-known/oauth-authorization-server', 'GET, HEAD'],
  ['/.well-known/openid-configuration', 'GET, HEAD'],
  ['/jwks', 'GET, HEAD'],
  ['/token', 'POST'],
  ['/register', 'POST'],
  ['/revoke', 'POST'],
]
const CLOSED = [
  '/introspect',
  '/introspect/reports',
  '/introspect/changes',
  '/authorize',
  '/authorize/x',
  '/interaction/x',
  '/interaction/x/consent',
  '/operator/api/v1/grants',
  '/account',
  '/healthz',
  '/assets/style.css',
]

describe.each([
  ['at the root', () => root],
  ['below a path', () => below],
])('%s', (_, at) => {
  it.each(OPEN)('%s answers the preflight of any origin', async (path, methods) => {
    const response = await at().fetch(path, {
      method: 'OPTIONS',
      headers: {
        ...ORIGIN,
        'access-control-request-method': methods === 'POST' ? 'POST' : 'GET',
        'access-control-request-headers': 'mcp-protocol-version, authorization, content-type, dpop',
      },
    })
    expect([response.status, headersOf(response)]).toEqual([
      204,
      {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': methods,
        'access-control-allow-headers':
          'authorization, content-type, dpop, mcp-protocol-version, mcp-method, mcp-name',
        'access-control-max-age': '3600',
      },
    ])
  })

  it.each(CLOSED)('%s is closed to other origins', async (path) => {
    for (const method of ['GET', 'POST', 'OPTIONS'])
      expect(headersOf(await at().fetch(path, { method, headers: ORIGIN }))).toEqual({})
  })
})

describe('every answer of what is open can be read, once and without credentials', () => {
  const post = (path: string, body: string, headers: object) => () =>
    root.fetch(path, { method: 'POST', body, headers: { ...ORIGIN, ...headers } })
  const registration = (name: string) =>
    post('/register', JSON.stringify({ client_name: name, redirect_uris: ['cursor:/cb'] }), JSON_BODY)

  it.each<[what: string, status: number, ask: () => Promise<Response>]>([
    ['metadata', 200, () => root.fetch('/.well-known/oauth-authorization-server', { headers: ORIGIN })],
    ['keys', 200, () => root.fetch('/jwks', { headers: ORIGIN })],
    ['no such document', 404, () => root.fetch('/.well-known/nothing', { headers: ORIGIN })],
    [
      'outside of a path',
      404,
      () => below.fetchAtRoot('/.well-known/openid-configuration', { headers: ORIGIN }),
    ],
    ['a bad request', 400, post('/token', 'grant_type=nothing', FORM)],
    ['an unknown client', 401, post('/token', 'grant_type=refresh_token&refresh_token=x&client_id=x', FORM)],
    ['another method', 405, () => root.fetch('/token', { headers: ORIGIN })],
    ['a body that is too large', 413, post('/token', 'x'.repeat(70_000), FORM)],
    ['another type of body', 415, post('/register', '{}', FORM)],
    [
      'another host',
      421,
      () => root.fetch('/token', { method: 'POST', headers: { ...ORIGIN, host: 'other.example' } }),
    ],
    ['a registration', 201, registration('one')],
    ['too many registrations', 429, registration('two')],
    ['a revocation', 401, post('/revoke', 'token=x&client_id=x', FORM)],
  ])('%s: %i', async (_, status, ask) => {
    const response = await ask()
    expect([response.status, headersOf(response)]).toEqual([status, ANY])
  })

  it('also when the database is gone: 503', async () => {
    const database = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
    const config = loadConfig({ TOOLGATE_ISSUER: 'https://auth.example', TOOLGATE_TRUSTED_PROXY_HOPS: '1' })
    const log = pino({ level: 'silent' })
    const app = createApp({ config, keys: await generateKeys(), database, log })
    const server = await serveRaw(app.listener)
    const headers = { ...ORIGIN, ...FORM, host: 'auth.example', 'x-forwarded-proto': 'https' }
    for (const path of ['/token', '/revoke']) {
      const body = 'grant_type=refresh_token&token=x&client_id=x&refresh_token=x'
      const response = await send(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body, headers })
      expect([response.status, headersOf(response)]).toEqual([503, ANY])
    }
    await Promise.all([server.close(), database.close(), app.audit.close()])
  })
})
