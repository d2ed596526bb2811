import { afterAll, beforeAll, expect, it } from 'vitest'
import { createGuard } from '../../src/guard/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../support/introspection-stand-in.ts'

const RESOURCE = 'http://localhost:4001/mcp'
const PERSONAL = `tgp_${'x'.repeat(49)}`
let as: IntrospectionStandIn

beforeAll(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  for (const token of ['other', PERSONAL]) as.tokens.set(token, { tools: ['get_note'] })
  as.scopes.set('get_note', 'notes:read')
})
afterAll(() => as.close())

/** What the authorization server hears of the client that sends this token. */
async function told(token: string, user_agent?: string): Promise<string | null | undefined> {
  const guard = createGuard({
    resource: RESOURCE,
    issuer: as.issuer,
    ...RESOURCE_SERVER,
    default_scopes: ['notes:read'],
  })
  const sent = user_agent === undefined ? {} : { 'user-agent': user_agent }
  const decision = await guard.decide({
    headers: new Headers({ authorization: `Bearer ${token}`, ...sent }),
    query: new URLSearchParams(),
    readBody: async () => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_note' } }),
  })
  expect(decision.outcome).toBe('allowed')
  return as.requests.at(-1)?.form.get('mcp_user_agent')
}

it('the authorization server hears the User-Agent of whoever sends a personal access token, within a limit', async () => {
  expect(await told(PERSONAL, 'Cursor/1.7')).toBe('Cursor/1.7')
  expect(await told(PERSONAL, 'x'.repeat(1_000))).toBe('x'.repeat(256))
  expect(await told(PERSONAL)).toBeNull()
})

it('and hears nothing of it for other tokens', async () => {
  expect(await told('other', 'Cursor/1.7')).toBeNull()
})
