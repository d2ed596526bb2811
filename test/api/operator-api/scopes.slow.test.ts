import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { OPERATOR_SCOPES, type OperatorScope } from '../../../src/accounts/operator-scopes.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { requestFor } from './action-inputs.ts'

let toolgate: Toolgate
/** What one can come with, by name. */
const tokens: Record<string, string> = {}

const STRANGERS = [
  'no token',
  'a malformed token',
  'an unknown token',
  'an expired operator token',
  'an expired access token',
  'an access token for another resource',
] as const
const HOLDERS = OPERATOR_SCOPES.flatMap((scope) => [
  { who: `an operator token with ${scope}`, scope },
  { who: `an access token with ${scope}`, scope },
])

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { knex } = toolgate.db.database
  const client_id = await toolgate.clientOfOperator()
  const operator = (await toolgate.account(['operator', 'editor'])).person()
  const resource = `${toolgate.issuer}/operator/mcp`
  const accessToken = async (scope: string, of = resource) =>
    (await toolgate.tokens(operator, client_id, { resource: of, scope })).access_token

  for (const scope of OPERATOR_SCOPES) {
    tokens[`an operator token with ${scope}`] = (await toolgate.operatorToken([scope])).token
    tokens[`an access token with ${scope}`] = await accessToken(scope)
  }
  const live = await knex('access_tokens').pluck('id')
  tokens['an expired access token'] = await accessToken('operator:admin')
  const past = { expires_at: knex.raw("now() - interval '1 second'") }
  await knex('access_tokens').whereNotIn('id', live).update(past)
  const expired = await toolgate.operatorToken(['operator:admin'])
  await knex('operator_tokens').where({ id: expired.id }).update(past)
  tokens['an expired operator token'] = expired.token
  tokens['a malformed token'] = 'tgo_short'
  tokens['an unknown token'] = randomBytes(32).toString('base64url')
  tokens['an access token for another resource'] = await accessToken(
    'notes:read',
    'http://localhost:4001/mcp',
  )
})
afterAll(() => toolgate.close())
afterEach(() => {
  vi.restoreAllMocks()
})

/** Asks for an action without letting it run; the number says how often it would have. */
async function attempt(action: (typeof ACTIONS)[number], who: string) {
  const run = vi.spyOn(action, 'run').mockClear().mockResolvedValue({})
  const { path, headers, ...rest } = requestFor(action)
  const token = tokens[who]
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const response = await toolgate.fetch(path, { ...rest, headers: { ...headers, ...authorization } })
  return { response, runs: run.mock.calls.length }
}

const held = (scope: OperatorScope) =>
  OPERATOR_SCOPES.slice(0, OPERATOR_SCOPES.indexOf(scope) + 1) as readonly OperatorScope[]

describe.each(ACTIONS.map((action) => ({ name: action.name, action })))('$name', ({ action }) => {
  it('runs for whoever holds its scope and for nobody else', async () => {
    for (const who of STRANGERS) {
      const { response, runs } = await attempt(action, who)
      expect([who, response.status, runs]).toEqual([who, 401, 0])
    }
    for (const { who, scope } of HOLDERS) {
      const { response, runs } = await attempt(action, who)
      if (held(scope).includes(action.scope)) {
        // What the schema alone cannot say, a refinement refuses.
        expect([200, 201, 400], who).toContain(response.status)
        expect(runs, who).toBe(response.status === 400 ? 0 : 1)
      } else {
        expect([who, response.status, runs]).toEqual([who, 403, 0])
        expect(response.headers.get('www-authenticate')).toBe(
          `Bearer realm="operator", error="insufficient_scope", scope="${action.scope}"`,
        )
      }
    }
  })
})
