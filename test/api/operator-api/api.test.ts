import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revokeOperatorToken } from '../../../src/accounts/operator-tokens.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { expectClear } from '../../support/hostile.ts'
import { TEST } from '../../support/origins.ts'
import { type Tokens, Toolgate } from '../../support/toolgate.ts'
import { requestFor } from './action-inputs.ts'

const API = '/operator/api/v1'
let toolgate: Toolgate
let token: string
let family: () => Promise<{ tokens: Tokens; username: string }>
let rs: { client_id: string; client_secret: string }

/** One action of each method; scopes.slow.test.ts goes through all. */
const REQUESTS = [...new Map(ACTIONS.map((action) => [action.method, action])).values()].map((action) => ({
  name: action.name,
  request(authorization: string) {
    const { path, headers, ...rest } = requestFor(action)
    const more: Record<string, string> = authorization === '' ? {} : { authorization }
    return toolgate.fetch(path, { ...rest, headers: { ...headers, ...more } })
  },
}))

beforeAll(async () => {
  toolgate = await Toolgate.start()
  token = (await toolgate.operatorToken()).token
  rs = await toolgate.resourceServer()
  const { client_id } = await toolgate.register()
  family = async () => {
    const { person, username } = await toolgate.account()
    return { tokens: await toolgate.tokens(person(), client_id), username }
  }
})
afterAll(() => toolgate.close())

function ask(method: string, path: string, body?: object, authorization = `Bearer ${token}`) {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  return toolgate.fetch(API + path, {
    method,
    headers: { ...json, ...(authorization === '' ? {} : { authorization }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

/** Ways not to be an operator. */
async function strangers(): Promise<Record<string, string>> {
  const [revoked, expired] = await Promise.all([toolgate.operatorToken(), toolgate.operatorToken()])
  await revokeOperatorToken(toolgate.dependencies, revoked.id, TEST)
  const { knex } = toolgate.db.database
  await knex('operator_tokens')
    .where({ id: expired.id })
    .update({ expires_at: knex.raw("now() - interval '1 second'") })
  const { tokens } = await family()
  return {
    nothing: '',
    'an unknown token': `Bearer tgo_${randomBytes(32).toString('base64url')}`,
    'a revoked token': `Bearer ${revoked.token}`,
    'an expired token': `Bearer ${expired.token}`,
    'an access token': `Bearer ${tokens.access_token}`,
    'a refresh token': `Bearer ${tokens.refresh_token}`,
    'the id of a token': `Bearer ${revoked.id}`,
    'a resource server': `Basic ${Buffer.from(`${rs.client_id}:${rs.client_secret}`).toString('base64')}`,
    'the token as Basic': `Basic ${token}`,
    'the token without a scheme': token,
    'the token twice': `Bearer ${token} ${token}`,
  }
}

describe('without an operator token', () => {
  it('every route is 401 with a challenge, one and the same for whatever was sent', async () => {
    const bodies = new Set<string>()
    for (const [what, authorization] of Object.entries(await strangers()))
      for (const { name, request } of REQUESTS) {
        const response = await request(authorization)
        expect([what, name, response.status]).toEqual([what, name, 401])
        expect(response.headers.get('www-authenticate')).toBe('Bearer realm="operator"')
        const { request_id: _, ...said } = (await response.json()) as Record<string, unknown>
        bodies.add(JSON.stringify(said))
      }
    expect(bodies.size).toBe(1)
  })

  it('each refusal is recorded, without what was presented', async () => {
    const secret = randomBytes(32).toString('base64url')
    const response = await ask('GET', '/grants', undefined, `Bearer tgo_${secret}`)
    const { events } = await pageEvents(toolgate.db.database.knex, { type: 'operator.refused' }, 1_000)
    const request_id = response.headers.get('x-request-id')
    expect(events.filter((event) => event.request_id === request_id)).toMatchObject([
      {
        actor_kind: 'unauthenticated',
        decision: 'denied',
        detail: { method: 'GET', route: `${API}/grants` },
      },
    ])
    expect(JSON.stringify(events)).not.toContain(secret)
  })

  it('the token is not taken from the address', async () => {
    const { status } = await toolgate.fetch(`${API}/grants?access_token=${token}&token=${token}`)
    expect(status).toBe(401)
  })
})

describe('with an operator token', () => {
  it('a revoked grant is inactive at the next introspection, and its refresh token is refused', async () => {
    const { tokens, username } = await family()
    const { grants } = (await (await ask('GET', `/grants?account=${username}`)).json()) as {
      grants: { id: string }[]
    }
    expect(await toolgate.introspect(rs, tokens.access_token)).toMatchObject({ active: true })
    const answer = await (
      await ask('POST', `/grants/${grants[0]!.id}/revoke`, { reason: 'lost laptop' })
    ).json()
    expect(answer).toEqual({ revoked: [grants[0]!.id] })
    expect(await toolgate.introspect(rs, tokens.access_token)).toEqual({ active: false })
  })

  it('a refresh token is revoked by the id that lists show', async () => {
    const { tokens, username } = await family()
    const listed = (await (await ask('GET', `/refresh-tokens?account=${username}`)).json()) as {
      refresh_tokens: { id: string }[]
    }
    expect(JSON.stringify(listed)).not.toContain(tokens.refresh_token)
    const answer = await ask('POST', `/refresh-tokens/${listed.refresh_tokens[0]!.id}/revoke`)
    expect(((await answer.json()) as { revoked: string[] }).revoked).toHaveLength(1)
    expect(await toolgate.introspect(rs, tokens.access_token)).toEqual({ active: false })
  })

  it.each<[string, string, object?]>([
    ['GET', '/grants?nonsense=1'],
    ['GET', '/grants?limit=0'],
    ['GET', '/grants?limit=501'],
    ['GET', '/grants?limit=1.5'],
    ['GET', '/grants?limit=x'],
    ['GET', '/grants?account=a&account=b'],
    ['GET', '/grants?account='],
    ['GET', '/grants?after=x'],
    ['GET', '/grants?unused_since=yesterday'],
    ['GET', '/refresh-tokens?after=x'],
    ['GET', '/refresh-tokens?before=x'],
    ['GET', '/grants/revocation-preview'],
    ['POST', '/grants/revoke', { ids: [] }],
    ['POST', '/grants/revoke', { ids: [1] }],
    ['POST', '/grants/revoke', { ids: Array.from({ length: 501 }, (_, n) => `g${n}`) }],
    ['POST', '/grants/some-grant/narrow', { scopes: [] }],
    ['POST', '/grants/some-grant/narrow', {}],
    ['POST', '/grants/revoke', {}],
    ['POST', '/grants/revoke', { acount: 'kim' }],
    ['POST', '/grants/revoke', { account: null }],
    ['POST', '/grants/revoke', { account: ['kim'] }],
    ['POST', '/grants/revoke', { account: 'kim', reason: '' }],
    ['POST', '/grants/revoke', { account: 'kim', reason: 'x'.repeat(257) }],
    ['POST', '/grants/revoke'],
    ['POST', '/refresh-tokens/short/revoke'],
    ['POST', '/grants/some-grant/revoke', { account: 'kim' }],
    ['POST', '/grants/some-grant/revoke', { id: 'some-grant' }],
    ['POST', '/grants/some-grant/revoke?reason=x', {}],
    ['POST', '/grants/some-grant/revoke', ['x']],
    ['GET', '/grants/some-grant?id=other'],
  ])('%s %s %j is a 4xx that names the fault, and revokes nothing', async (method, path, body) => {
    const response = await ask(method, path, body)
    expect([400, 415]).toContain(response.status)
    await expectClear(response, path)
  })
})

describe('what is wrong is told', () => {
  it('as a problem (RFC 9457) that names all faults at once and repeats no value', async () => {
    const response = await ask('GET', '/grants?limit=0&account=&hunter2=1')
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
    const { detail, ...problem } = (await response.json()) as { detail: string }
    expect(problem).toMatchObject({ type: 'about:blank', title: 'Bad Request', code: 'invalid_input' })
    expect(detail).toMatch(/account: .*limit: .*hunter2/)
  })
})
