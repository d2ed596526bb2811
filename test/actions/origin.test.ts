import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, perform } from '../../src/actions/action.ts'
import { ACTIONS } from '../../src/actions/index.ts'
import { builtIn, expandOperatorScopes } from '../../src/api/operator-api/operator-resource.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { signIn } from '../../src/sign-in/sign-in.ts'
import { jwksOf, testKey } from '../support/assertions.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** Whatever operators change, the log says who it was, from where, by which request, and why. */
const OPERATOR: Omit<Caller, 'request_id'> = {
  actor: { kind: 'operator_token', id: 'opt_ada' },
  ip: '192.0.2.7',
  scopes: expandOperatorScopes(['operator:admin']),
}
const reason = 'because it must be'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start()
})
afterAll(() => toolgate.close())

type Answer = Record<string, string>

const tried = new Set<string>()

/** Does it with a reason, and expects that everything which is recorded of it says so. */
async function act(name: string, input: object): Promise<Answer> {
  tried.add(name)
  const action = ACTIONS.find((each) => each.name === name)
  if (!action) throw new Error(`there is no action ${name}`)
  const { issuer, dependencies } = toolgate
  const context = { ...dependencies, issuer, catalogues: new CatalogueCache(builtIn(issuer)) }
  const request_id = randomUUID()
  const answer = await perform(action, context, { ...OPERATOR, request_id }, { ...input, reason })
  const { events } = await pageEvents(dependencies.db, { request_id }, 100)
  expect(events).not.toEqual([])
  for (const event of events)
    expect(event).toMatchObject({
      actor_kind: 'operator_token',
      actor_id: 'opt_ada',
      ip: '192.0.2.7',
      detail: { reason },
    })
  return answer as Answer
}

async function connected(): Promise<{ client_id: string; grant_id: string; refresh_token_id: string }> {
  const { id, person } = await toolgate.account()
  const { client_id } = await toolgate.register({ client_name: randomUUID() })
  await toolgate.tokens(person(), client_id)
  const { db } = toolgate.dependencies
  const grant = await db('grants').where({ account_id: id }).first('id')
  const token = await db('refresh_tokens').where({ grant_id: grant.id }).first('id')
  return { client_id, grant_id: grant.id, refresh_token_id: token.id.toString('base64url') }
}

/** Until the account is held against whoever guesses. */
async function guessTooOften(username: string): Promise<void> {
  const dependencies = { ...toolgate.dependencies, form_key: 'the key of this test' }
  for (let guess = 0; guess < 11; guess += 1) {
    const request = { username, password: 'wrong', ip: '198.51.100.27', request_id: randomUUID() }
    await expect(signIn(dependencies, request)).rejects.toThrow()
  }
}

describe('the record of what operators change', () => {
  it('names them for accounts', async () => {
    const { id } = await act('create_account', { username: 'grace', roles: ['reader'] })
    await act('set_account_roles', { id, roles: ['editor'] })
    await act('reset_account_password', { id })
    await act('disable_account', { id })
    await act('enable_account', { id })
    await guessTooOften('grace')
    await act('unlock_account', { id })
    const { id: signed_in, person } = await toolgate.account()
    await toolgate.tokens(person(), (await toolgate.register()).client_id)
    await act('sign_out_account', { id: signed_in })
  })

  it('names them for clients', async () => {
    const added = { name: 'Tickets', redirect_uris: [REDIRECT_URI], confidential: true }
    const { client_id } = await act('add_client', added)
    await act('rotate_client_secret', { client_id })
    await act('block_client', { client_id: (await connected()).client_id })
    await act('block_client', { client_id })
    await act('unblock_client', { client_id })
    await act('forget_client', { client_id })
  })

  it('names them for grants and tokens', async () => {
    const [first, second, third] = [await connected(), await connected(), await connected()]
    await act('narrow_grant', { id: first.grant_id, scopes: ['notes:read'] })
    await act('revoke_grant', { id: first.grant_id })
    await act('revoke_refresh_token', { id: second.refresh_token_id })
    await act('revoke_refresh_tokens', { grant_id: third.grant_id })
    await act('revoke_grants', { id: (await connected()).grant_id })
    const { username } = await toolgate.account()
    const wanted = { account: username, resource: RESOURCE, name: 'script' }
    const { id } = await act('create_personal_token', wanted)
    await act('rotate_personal_token', { id })
    await act('revoke_personal_token', { id })
    const { id: token } = await act('create_operator_token', { name: 'ci' })
    await act('revoke_operator_token', { id: token })
  })

  it('names them for resource servers and the catalogue', async () => {
    const { client_id: id } = await act('add_resource_server', { resource: RESOURCE })
    await act('rotate_resource_server_secret', { id })
    await act('rotate_resource_server_keys', { id, jwks: jwksOf(testKey()) })
    await act('remove_resource_server', { id })
    const catalogue = readFileSync('catalogue.yaml', 'utf8').replace('name: Notes', 'name: Renamed')
    await act('apply_catalogue', { catalogue })
  })

  it('names them for everything that they can change', () => {
    const reads = new Set(['audit_story', 'diff_catalogue', 'verify_audit'])
    const changes = ACTIONS.filter(({ method, name }) => method !== 'get' && !reads.has(name))
    expect(changes.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([])
  })
})
