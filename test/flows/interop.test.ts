import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { receiverName } from '../../src/clients/registration/receiver.ts'
import { ClientPlayer, documentHosts, publishing, SigningKeys } from '../interop/client-player.ts'
import {
  CLIENT_REQUESTS,
  type ClientRequests,
  IMPOSSIBLE_REQUESTS,
  RESOURCE,
} from '../interop/client-requests.ts'
import { DocumentHost } from '../support/document-host.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'

/** Every client that is known, from discovery to revocation, with a person at the real pages. */
const CATALOGUE = `
resources:
  - resource: ${RESOURCE}
    name: Notes
    default_scopes: [notes:read]
    scopes:
      notes:read: { description: Read your notes, tools: [search_notes] }
      notes:write: { description: Change your notes, tools: [update_note] }
      notes:delete: { description: Delete notes, tools: [delete_note], risk: destructive }
roles:
  editor: { ${RESOURCE}: ['notes:read', 'notes:write', 'notes:delete'] }
`

const IDENTITIES = [...CLIENT_REQUESTS, ...IMPOSSIBLE_REQUESTS].map(({ identity }) => identity)

let toolgate: Toolgate
let host: DocumentHost
let keys: SigningKeys
let person: ReturnType<Awaited<ReturnType<Toolgate['account']>>['person']>
let resource_server: Awaited<ReturnType<Toolgate['resourceServer']>>
beforeAll(async () => {
  keys = await SigningKeys.create()
  host = await DocumentHost.start(documentHosts(IDENTITIES))
  host.answer = publishing(IDENTITIES, keys)
  toolgate = await Toolgate.start({ catalogue: CATALOGUE, document_network: host.network })
  person = (await toolgate.account()).person()
  resource_server = await toolgate.resourceServer(RESOURCE)
})
afterAll(async () => {
  await toolgate.close()
  await host.close()
})

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post']

async function expectRegistered(response: Response, { registration = {} }: ClientRequests): Promise<void> {
  const body = (await response.json()) as Record<string, unknown>
  expect({ status: response.status, body }).toMatchObject({ status: 201 })
  expect(body.redirect_uris).toEqual(registration.redirect_uris)
  expect(body.grant_types).toEqual(['authorization_code', 'refresh_token'])
  expect(body.token_endpoint_auth_method).toBe(registration.token_endpoint_auth_method)
  expect('client_secret' in body).toBe(SECRET_METHODS.includes(String(body.token_endpoint_auth_method)))
  expect(Object.values(body)).not.toContain(null)
}

/** A page of another origin may read this answer, and no cookie of its visitor went with the question. */
function expectReadable(response: Response): void {
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('access-control-allow-credentials')).toBeNull()
}

async function expectOpenToBrowsers(player: ClientPlayer): Promise<void> {
  const questions = [
    ['/.well-known/oauth-authorization-server', 'GET'],
    ['/register', 'POST'],
    ['/token', 'POST'],
    ['/revoke', 'POST'],
  ] as const
  for (const [path, method] of questions) {
    const answer = await player.preflight(path, method)
    expect([path, answer.ok]).toEqual([path, true])
    expectReadable(answer)
    expect(answer.headers.get('access-control-allow-methods')).toContain(method)
    expect(answer.headers.get('access-control-allow-headers')).toMatch(/content-type.*mcp-protocol-version/)
  }
}

async function tokensOf(response: Response): Promise<Tokens> {
  const body = (await response.json()) as Tokens
  expect({ status: response.status, body }).toMatchObject({ status: 200 })
  expect(response.headers.get('cache-control')).toBe('no-store')
  return body
}

function introspect({ access_token }: Tokens) {
  return toolgate.introspect(resource_server, access_token)
}

/** From the person to tokens, by way of one redirect URI. */
async function authorized(
  player: ClientPlayer,
  shape: ClientRequests,
  redirect_uri: string,
): Promise<Tokens> {
  const back = await player.authorize(person, redirect_uri, shape.authorize)
  expect(Object.fromEntries(back.callback.searchParams)).toEqual({
    code: expect.stringMatching(/^.{43}$/),
    state: back.state,
    iss: toolgate.issuer,
  })
  expect(back.consent).toContain(receiverName(redirect_uri))
  return tokensOf(await player.redeem(back, redirect_uri, shape.token))
}

describe.each(CLIENT_REQUESTS.map((shape) => [shape.client, shape] as const))('%s', (_, shape) => {
  const player = () => new ClientPlayer(toolgate, keys, shape)

  it('discovers, becomes known, authorizes, refreshes and revokes', async () => {
    const client = player()
    const discovered = await client.discover()
    expect(await discovered.json()).toMatchObject({ issuer: toolgate.issuer })
    if (shape.origin) expectReadable(discovered)
    if (shape.origin) await expectOpenToBrowsers(client)

    const registered = await client.becomeKnown()
    if (registered && shape.origin) expectReadable(registered)
    if (registered) await expectRegistered(registered, shape)

    const tokens = await authorized(client, shape, shape.redirect_uri)
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: shape.gets, expires_in: expect.any(Number) })
    const { client_id } = client.credentials
    const expected = { active: true, aud: RESOURCE, scope: shape.gets, client_id, iss: toolgate.issuer }
    expect(await introspect(tokens)).toMatchObject(expected)

    const refreshed = await tokensOf(await client.refresh(tokens, shape.refresh))
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
    expect(refreshed.scope).toBe(shape.gets)
    expect(await introspect(refreshed)).toMatchObject(expected)
    const again = await tokensOf(await client.refresh(tokens, shape.refresh))
    expect([again.access_token, again.refresh_token]).toEqual([
      refreshed.access_token,
      refreshed.refresh_token,
    ])

    expect((await client.revoke(refreshed)).status).toBe(200)
    expect(await introspect(refreshed)).toEqual({ active: false })
    const dead = await client.refresh(refreshed, shape.refresh)
    expect({ status: dead.status, body: await dead.json() }).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  if (shape.other_redirect_uris.length > 0)
    it('is the same client on its other redirect URIs', async () => {
      const client = player()
      await client.becomeKnown()
      for (const redirect_uri of shape.other_redirect_uris)
        expect(await authorized(client, shape, redirect_uri)).toMatchObject({ scope: shape.gets })
    })

  if (shape.probes_authorize)
    it('learns from the authorization endpoint whether it is known', async () => {
      const client = player()
      await client.becomeKnown()
      const ask = (client_id?: string) => {
        const { url } = client.authorizationRequest(shape.redirect_uri, shape.authorize, client_id)
        return toolgate.fetch(url.pathname + url.search)
      }
      expect((await ask()).status).toBe(303)
      expect((await ask('cl_gone')).status).toBe(400)
    })
})

it.each(IMPOSSIBLE_REQUESTS.map((shape) => [shape.client, shape] as const))(
  '%s gets a page that says so, and is sent nowhere',
  async (_, shape) => {
    const client = new ClientPlayer(toolgate, keys, shape)
    await client.becomeKnown()
    const { url } = client.authorizationRequest(shape.redirect_uri, shape.authorize)
    const answer = await toolgate.fetch(url.pathname + url.search)
    expect({ status: answer.status, location: answer.headers.get('location') }).toEqual({
      status: 400,
      location: null,
    })
    expect(await answer.text()).toMatch(/redirect_uri/)
  },
)
