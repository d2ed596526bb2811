import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACTIONS } from '../../src/actions/index.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { Toolgate } from '../support/toolgate.ts'
import { audited, connectThrough, letDecide, REAL_CLIENTS } from '../support/with-notes.ts'

let toolgate: Toolgate
let mcp_url: string
let app_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  mcp_url = `${toolgate.issuer}/operator/mcp`
  app_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

/** Somebody who connected an app, for an operator to look at. */
async function connectedApp() {
  const { person, id, username } = await toolgate.account()
  await toolgate.tokens(person(), app_id)
  const [grant_id] = await toolgate.db.database.knex('grants').where({ account_id: id }).pluck('id')
  return { username, grant_id: grant_id as string }
}

const named = (scope: string) =>
  ACTIONS.filter((action) => action.scope === scope)
    .map(({ name }) => name)
    .sort()

describe.each(REAL_CLIENTS)('an operator with %s', (_, make, protocol_version) => {
  it('connects by the URL alone, looks, steps up to revoke, and every call is in the audit log', async () => {
    const { username, grant_id } = await connectedApp()
    const { person, id } = await toolgate.account(['operator'])
    const browser = person()
    const client = make(mcp_url)
    client.memory.saveClientInformation({ client_id: await toolgate.clientOfOperator() })
    await connectThrough(client, browser)
    expect(client.protocol_version).toBe(protocol_version)
    expect(client.memory.scope).toBe('operator:read')
    expect(await client.tools()).toEqual(named('operator:read'))
    expect(await client.call('list_grants', { account: username })).toContain(grant_id)
    expect(await client.call('search_audit', { grant_id })).toContain('consent.given')

    const revocation = { id: grant_id, reason: 'lost laptop' }
    expect(await client.call('revoke_grant', revocation)).toBe(NEEDS_PERSON)
    const asked = client.memory.authorization_url?.searchParams.get('scope')?.split(' ')
    expect(asked).toContain('operator:revoke')
    await letDecide(client, browser)
    expect(JSON.parse(await client.call('revoke_grant', revocation))).toEqual({ revoked: [grant_id] })
    expect(await client.tools()).toEqual([...named('operator:read'), ...named('operator:revoke')].sort())

    const calls = (await audited(toolgate, { account_id: id, type: 'tool.decided' })).filter(
      ({ tool }) => tool,
    )
    expect(calls.map(({ tool, decision }) => `${tool} ${decision}`)).toEqual([
      'list_grants allowed',
      'search_audit allowed',
      ...calls.filter(({ decision }) => decision === 'denied').map(() => 'revoke_grant denied'),
      'revoke_grant allowed',
    ])
    expect(calls.some(({ decision }) => decision === 'denied')).toBe(true)
    expect(await audited(toolgate, { type: 'grant.revoked', grant_id })).toMatchObject([
      { actor_kind: 'account', actor_id: id },
    ])
    await client.close()
  })
})

describe('somebody who is no operator', () => {
  it('gets no scope of the operator, whatever they consent to', async () => {
    const { person } = await toolgate.account(['editor'])
    const client = REAL_CLIENTS[0]![1](mcp_url)
    client.memory.saveClientInformation({ client_id: await toolgate.clientOfOperator() })
    await expect(connectThrough(client, person())).rejects.toThrow()
    expect(client.memory.access_token).toBe('')
  })
})
