import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeAccount } from '../../../src/accounts/accounts.ts'
import { createOperatorToken } from '../../../src/accounts/operator-tokens.ts'
import { builtIn } from '../../../src/api/operator-api/operator-resource.ts'
import { explainEvent } from '../../../src/audit/explanation/explanation.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { applyCatalogue, CatalogueCache, currentCatalogue } from '../../../src/catalogue/catalogue-store.ts'
import { revokeGrants } from '../../../src/grants/grants.ts'
import { TEST } from '../../support/origins.ts'
import { signedIn } from '../../support/signed-in.ts'
import { type Tokens, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

async function connected(scope: string, roles = ['editor']) {
  const account = await toolgate.account(roles)
  const tokens = await toolgate.tokens(account.person(), client_id, { scope })
  return { ...account, tokens }
}

const call = (tokens: Tokens | string, tool: string, method = 'tools/call') =>
  toolgate.introspect(rs, typeof tokens === 'string' ? tokens : tokens.access_token, {
    mcp_method: method,
    mcp_name: tool,
  })

const dependencies = () => ({
  db: toolgate.dependencies.db,
  catalogues: new CatalogueCache(builtIn(toolgate.issuer)),
})

/** What is said of the newest event of this type. */
async function explained(type: Parameters<typeof pageEvents>[1]['type'] = 'tool.decided') {
  const { events } = await pageEvents(toolgate.dependencies.db, { type }, 1)
  const { verdict, reasons, remedies } = await explainEvent(dependencies(), events[0]!.id)
  return {
    verdict,
    why: reasons.join('\n'),
    help: remedies.map(({ who, what }) => `${who}: ${what}`).join('\n'),
  }
}

describe('a call that was denied', () => {
  it('of a tool that no scope opens', async () => {
    const { tokens } = await connected('notes:read')
    await call(tokens, 'Search_Notes')
    const { verdict, why, help } = await explained()
    expect([verdict, why]).toEqual([
      'tool_opened_by_no_scope',
      'No scope of Notes opens a tool named Search_Notes, so nobody may call it.',
    ])
    expect(help).toContain('client: Call search_notes')
    expect(help).toContain('operator: Add Search_Notes')
  })

  it('with an MCP method that is not open', async () => {
    const { tokens } = await connected('notes:read')
    await call(tokens, 'task-1', 'tasks/get')
    expect((await explained()).verdict).toBe('method_not_open')
  })

  it('with a resource or a prompt that no scope opens', async () => {
    const { tokens } = await connected('notes:read')
    await call(tokens, 'file:///etc/passwd', 'resources/read')
    expect((await explained()).why).toBe(
      'No scope of Notes opens a resource named file:///etc/passwd, so nobody may read it.',
    )
    await call(tokens, 'summary', 'prompts/get')
    expect((await explained()).help).toContain('operator: Add summary to the prompts of a scope')
  })

  it('because nobody allowed the scope, where a step-up works', async () => {
    const { tokens } = await connected('notes:read')
    await call(tokens, 'create_note')
    const { verdict, why, help } = await explained()
    expect(verdict).toBe('grant_lacks_scope')
    expect(why).toContain('Calling create_note needs notes:write')
    expect(why).toContain('a step-up works')
    expect(help).toContain('client: Follow the challenge: ask for authorization again with notes:write.')
  })

  it('because no role of the account holds the scope, where a step-up does not', async () => {
    const { tokens, username } = await connected('notes:read', ['reader'])
    await call(tokens, 'delete_note')
    const { verdict, why, help } = await explained()
    expect(verdict).toBe('role_lacks_scope')
    expect(why).toContain(
      `${username} has reader, which does not hold notes:delete. A step-up would not help`,
    )
    expect(help).toContain(`operator: Give ${username} a role with notes:delete: editor.`)
  })

  it('because the token was narrowed', async () => {
    const { tokens } = await connected('notes:read notes:write')
    const response = await toolgate.refresh(client_id, tokens.refresh_token, { scope: 'notes:read' })
    await call((await response.json()) as Tokens, 'create_note')
    expect((await explained()).verdict).toBe('token_lacks_scope')
  })

  it('and would be allowed now, since the role came later', async () => {
    const { tokens, username } = await connected('notes:read notes:write')
    const change = (roles: string[]) => changeAccount(toolgate.dependencies, username, { roles }, TEST)
    await change(['reader'])
    await call(tokens, 'create_note')
    expect((await explained()).verdict).toBe('role_lacks_scope')
    await change(['editor'])
    const { verdict, help } = await explained()
    expect([verdict, help]).toEqual([
      'allowed_now',
      'client: Call the tool again: what it lacked is there now.',
    ])
  })

  it('with an operator token', async () => {
    const { token } = await createOperatorToken(
      toolgate.dependencies,
      { name: 'reads', days: 1, scopes: ['operator:read'] },
      TEST,
    )
    await toolgate.fetch('/operator/api/v1/grants/some/revoke', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    const { verdict, help } = await explained()
    expect([verdict, help]).toEqual([
      'token_lacks_scope',
      'operator: Make an operator token with the scope operator:revoke.',
    ])
  })
})

describe('a token that was not live', () => {
  const grantOf = async ({ id }: { id: string }) =>
    (await toolgate.dependencies.db('grants').where({ account_id: id }).first('id')).id as string
  const inactive = async (token: string) => {
    expect(await toolgate.introspect(rs, token)).toEqual({ active: false })
    return explained('token.introspected')
  }

  it('because it expired', async () => {
    const { tokens, id } = await connected('notes:read')
    const { db } = toolgate.dependencies
    await db('access_tokens')
      .where({ account_id: id })
      .update({ expires_at: db.raw("now() - interval '1 second'") })
    const { verdict, help } = await inactive(tokens.access_token)
    expect([verdict, help]).toEqual([
      'token_expired',
      'client: Get a new access token with the refresh token.',
    ])
    await db('access_tokens').where({ account_id: id }).delete()
    expect((await inactive(tokens.access_token)).verdict).toBe('token_expired')
  })

  it('because it was revoked, with who did it and why', async () => {
    const account = await connected('notes:read')
    const id = await grantOf(account)
    await revokeGrants(toolgate.dependencies, { id }, { ...TEST, reason: 'lost laptop' })
    const { verdict, why } = await inactive(account.tokens.access_token)
    expect(verdict).toBe('token_revoked')
    expect(why).toMatch(/^It was revoked by cli:test@machine at .*Z\. The reason given: lost laptop$/)
  })

  it('because a refresh token was used twice', async () => {
    const { tokens } = await connected('notes:read')
    const { db } = toolgate.dependencies
    await toolgate.refresh(client_id, tokens.refresh_token)
    await db('refresh_tokens')
      .update({ consumed_at: db.raw("now() - interval '1 hour'") })
      .whereNotNull('consumed_at')
    await toolgate.refresh(client_id, tokens.refresh_token)
    const { verdict, why } = await inactive(tokens.access_token)
    expect(verdict).toBe('token_revoked')
    expect(why).toContain('A refresh token of the same grant was used twice')
  })

  it('because it is a refresh token', async () => {
    const { tokens } = await connected('notes:read')
    expect((await inactive(tokens.refresh_token)).verdict).toBe('refresh_token_presented')
  })

  it('because the account is disabled', async () => {
    const { tokens, username } = await connected('notes:read')
    const change = (disabled: boolean) => changeAccount(toolgate.dependencies, username, { disabled }, TEST)
    await change(true)
    expect((await inactive(tokens.access_token)).verdict).toBe('account_disabled')
    await change(false)
    expect((await explained('token.introspected')).verdict).toBe('allowed_now')
  })

  it('because nobody here issued it', async () => {
    expect((await inactive(randomBytes(32).toString('base64url'))).verdict).toBe('token_unknown')
  })

  it('because it was issued for another resource', async () => {
    const { tokens } = await connected('notes:read')
    const other = await toolgate.resourceServer('http://localhost:4998/mcp')
    expect(await toolgate.introspect(other, tokens.access_token)).toEqual({ active: false })
    const { verdict, why } = await explained('token.introspected')
    expect(verdict).toBe('wrong_resource')
    expect(why).toContain('http://localhost:4998/mcp presented it')
  })
})

describe('a request that was refused', () => {
  it('a token request', async () => {
    await toolgate.refresh(client_id, 'never-issued')
    const { verdict, why } = await explained('token.refused')
    expect(verdict).toBe('request_refused')
    expect(why).toContain('(invalid_grant')
  })

  it('an authorization for a resource that nobody knows', async () => {
    const { person } = await toolgate.account()
    await toolgate
      .authorize(person(), client_id, { resource: 'http://localhost:1/mcp' })
      .catch(() => undefined)
    const { verdict, why, help } = await explained('authorization.refused')
    expect(verdict).toBe('request_refused')
    expect(why).toContain('(invalid_target')
    expect(help).toContain('operator: If the MCP server is new, add it to the catalogue.')
  })

  it('an operator without a token, and a person without the role', async () => {
    await toolgate.fetch('/operator/api/v1/grants')
    expect((await explained('operator.refused')).verdict).toBe('credentials_missing')
    const { username, get } = await signedIn(toolgate, ['editor'])
    expect((await get('/operator')).status).toBe(403)
    const { verdict, why } = await explained('operator.refused')
    expect(verdict).toBe('operator_scope_missing')
    expect(why).toContain(`${username} asked for /operator, which needs operator:read`)
  })

  it('a token for a resource that the catalogue lost', async () => {
    const { tokens } = await connected('notes:read')
    const { db } = toolgate.dependencies
    const other = (await currentCatalogue(db))!.catalogue
    const moved = other.resources.map((each) => ({ ...each, resource: 'http://localhost:4999/mcp' }))
    await applyCatalogue(db, { resources: moved, roles: [] }, 'test')
    expect(await toolgate.introspect(rs, tokens.access_token)).toEqual({ active: false })
    expect((await explained('token.introspected')).verdict).toBe('resource_not_in_catalogue')
    await applyCatalogue(db, other, 'test')
    expect((await explained('token.introspected')).verdict).toBe('allowed_now')
  })

  it('a sign-in', async () => {
    const { username } = await toolgate.account()
    await toolgate.post('/sign-in', { username, password: 'wrong password' })
    const of_account = await explained('login.failed')
    expect(of_account.verdict).toBe('sign_in_refused')
    expect(of_account.why).toContain(`The password for ${username} was wrong`)
    await toolgate.post('/sign-in', { username: 'nobody-here', password: 'wrong password' })
    expect((await explained('login.failed')).why).toContain('No account has the name that was typed')
  })

  it('an introspection by a stranger', async () => {
    const { client_id } = rs
    await toolgate.post('/introspect', { token: 'x', client_id, client_secret: 'wrong' })
    expect((await explained('introspection.refused')).verdict).toBe('resource_server_refused')
  })
})

describe('what is nothing to explain', () => {
  it('an event that allowed', async () => {
    const { tokens } = await connected('notes:read')
    await call(tokens, 'search_notes')
    await expect(explained()).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('no event', async () => {
    await expect(explainEvent(dependencies(), randomUUID())).rejects.toMatchObject({ code: 'not_found' })
  })
})
