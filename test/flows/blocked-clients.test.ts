import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdClient } from '../../src/clients/client-block-store.ts'
import { blockClient, unblockClient } from '../../src/clients/client-blocks.ts'
import { forgetClient } from '../../src/clients/clients.ts'
import { begin } from '../../src/storage/transaction.ts'
import { DocumentHost } from '../support/document-host.ts'
import { TEST } from '../support/origins.ts'
import { PASSWORD, REDIRECT_URI, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'

/** What a block of a client does to every way in, on an instance other than the one that blocked it. */
let host: DocumentHost
let toolgate: Toolgate
let other: Toolgate
beforeAll(async () => {
  host = await DocumentHost.start()
  toolgate = await Toolgate.start({ document_network: host.network })
  other = await Toolgate.start({ beside: toolgate, document_network: host.network })
})
afterAll(async () => {
  await other?.close()
  await toolgate?.close()
  await host?.close()
})

const BY = { actor: TEST.actor, reason: 'it spies on people' }
const block = (client_id: string) => blockClient(toolgate.dependencies, client_id, BY)
const rows = (table: string, where: object) => toolgate.db.database.knex(table).where(where).select('*')
const name = () => `Client ${randomBytes(6).toString('hex')}`

/** A registered client, somebody who connected it, and the tokens. */
async function connected() {
  const metadata = { client_name: name() }
  const { client_id } = await toolgate.register(metadata)
  const { person, username } = await toolgate.account()
  return { metadata, client_id, username, person, tokens: await toolgate.tokens(person(), client_id) }
}

/** As far as the consent page, in a browser. */
async function atConsent(client_id: string) {
  const { username } = await toolgate.account()
  const visitor = new Visitor(toolgate.issuer)
  const request = authorizationRequest(toolgate.issuer, client_id)
  const login = await visitor.open(request.url)
  const consent = await visitor.submit(login, { username, password: PASSWORD })
  return { visitor, consent, request }
}

describe('a client that is blocked', () => {
  it('loses what it was allowed, and is out with its next request to another instance', async () => {
    const { client_id, tokens } = await connected()
    const rs = await toolgate.resourceServer()
    expect(await other.introspect(rs, tokens.access_token)).toMatchObject({ active: true })
    const { revoked } = await block(client_id)
    expect(revoked).toHaveLength(1)
    expect(await other.introspect(rs, tokens.access_token)).toEqual({ active: false })
    const refused = await other.refresh(client_id, tokens.refresh_token)
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: 'unauthorized_client', error_description: 'this client is blocked here' },
    ])
    const events = await toolgate.db.database
      .knex('audit_events')
      // A public client only says which it is.
      .whereRaw(`? in (client_id, detail->>'presented_client_id')`, [client_id])
      .whereIn('type', ['client.blocked', 'grant.revoked', 'token.refused'])
      .orderBy('occurred_at')
      .select('type', 'detail')
    expect(events).toMatchObject([
      { type: 'client.blocked', detail: { reason: BY.reason, grants: 1 } },
      { type: 'grant.revoked', detail: { reason: BY.reason } },
      { type: 'token.refused', detail: { error: 'unauthorized_client' } },
    ])
  })

  it('is shown an error page by /authorize, and neither a redirect nor a code', async () => {
    const { client_id } = await connected()
    await block(client_id)
    const { url } = authorizationRequest(other.issuer, client_id)
    const response = await other.fetch(url.pathname + url.search, { headers: { accept: 'text/html' } })
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
    expect(await response.text()).toContain('this client is blocked here')
  })

  it('gets no tokens for a code that it has, and the code is not spent by asking', async () => {
    const { client_id } = await toolgate.register({ client_name: name() })
    const { person } = await toolgate.account()
    const { code, code_verifier } = await toolgate.authorize(person(), client_id)
    // A block alone, as if its grants were not found.
    const { knex } = toolgate.db.database
    await knex('blocked_clients').insert({ client_id, reason: 'test', blocked_by: 'test' })
    const refused = await other.redeem(client_id, code, code_verifier)
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'unauthorized_client' }])
    await knex('blocked_clients').where({ client_id }).delete()
    expect((await other.redeem(client_id, code, code_verifier)).status).toBe(200)
  })

  it('does not rotate a refresh token of a grant that is left, and does not cost it', async () => {
    const { client_id, tokens } = await connected()
    const { knex } = toolgate.db.database
    await knex('blocked_clients').insert({ client_id, reason: 'test', blocked_by: 'test' })
    expect((await other.refresh(client_id, tokens.refresh_token)).status).toBe(400)
    await knex('blocked_clients').where({ client_id }).delete()
    expect((await other.refresh(client_id, tokens.refresh_token)).status).toBe(200)
  })

  it('gets nothing from a consent page that was open, whatever the person answers', async () => {
    for (const answer of ['allow', 'deny'] as const) {
      const { client_id } = await toolgate.register({ client_name: name() })
      const { visitor, consent } = await atConsent(client_id)
      await block(client_id)
      const end =
        answer === 'allow' ? await visitor.submit(consent, {}, ['notes:read']) : await visitor.refuse(consent)
      expect([answer, end.left, end.status >= 400]).toEqual([answer, false, true])
      expect(end.html).toContain(answer === 'allow' ? 'blocked this app' : 'access_denied')
      expect(await rows('grants', { client_id })).toEqual([])
    }
  })

  it('and a consent that is under way wait for each other: no grant outlives the block', async () => {
    const { client_id } = await toolgate.register({ client_name: name() })
    const { visitor, consent } = await atConsent(client_id)
    const { knex } = toolgate.db.database
    // Whoever blocks holds the client: the grant has to wait.
    const trx = await begin(knex)
    await holdClient(trx, client_id)
    const answered = visitor.submit(consent, {}, ['notes:read'])
    await expect
      .poll(
        async () =>
          (await knex.raw("select 1 from pg_locks where locktype = 'advisory' and not granted")).rows,
      )
      .toHaveLength(1)
    await trx('blocked_clients').insert({ client_id, reason: 'test', blocked_by: 'test' })
    await trx.commit()
    expect(await answered).toMatchObject({ left: false, status: 403 })
    expect(await rows('grants', { client_id })).toEqual([])
  })

  it('is not handed out by the identical registration, which is refused for a day', async () => {
    const { client_id, metadata } = await connected()
    await block(client_id)
    const again = () =>
      other.fetch('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [REDIRECT_URI], ...metadata }),
      })
    const refused = await again()
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: 'access_denied' }])
    const { knex } = toolgate.db.database
    const yesterday = knex.raw("now() - interval '25 hours'")
    await knex('blocked_clients').where({ client_id }).update({ blocked_at: yesterday })
    await knex('clients').where({ id: client_id }).update({ created_at: yesterday })
    const made = await again()
    expect(made.status).toBe(201)
    expect(((await made.json()) as { client_id: string }).client_id).not.toBe(client_id)
  })

  it('may come back when it is unblocked; what was revoked stays so', async () => {
    const { client_id, tokens, person } = await connected()
    await block(client_id)
    expect(await unblockClient(toolgate.dependencies, client_id, BY)).toEqual({
      client_id,
      unblocked: true,
    })
    const refused = await other.refresh(client_id, tokens.refresh_token)
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect(await other.tokens(person(), client_id)).toMatchObject({ access_token: expect.any(String) })
    expect(await unblockClient(toolgate.dependencies, client_id, BY)).toEqual({
      client_id,
      unblocked: false,
    })
    expect(await rows('audit_events', { client_id, type: 'client.unblocked' })).toHaveLength(1)
  })

  it('again: nothing changes, and nothing is recorded twice', async () => {
    const { client_id } = await connected()
    const first = await block(client_id)
    expect(await block(client_id)).toEqual({ ...first, revoked: [] })
    expect(await rows('audit_events', { client_id, type: 'client.blocked' })).toHaveLength(1)
  })
})

describe('a client with a metadata document', () => {
  it('is blocked before anybody has seen it; its document is not even fetched', async () => {
    const client_id = host.publish('/never-seen.json')
    expect((await block(client_id)).revoked).toEqual([])
    const asked = host.requests.length
    const { url } = authorizationRequest(other.issuer, client_id)
    const response = await other.fetch(url.pathname + url.search)
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('blocked')])
    expect(host.requests).toHaveLength(asked)
  })

  it('stays blocked when it is forgotten', async () => {
    const client_id = host.publish('/seen.json')
    const { person } = await toolgate.account()
    const tokens = await toolgate.tokens(person(), client_id)
    await block(client_id)
    await forgetClient(toolgate.dependencies, client_id, BY)
    expect(await rows('metadata_documents', { client_id })).toEqual([])
    expect((await other.refresh(client_id, tokens.refresh_token)).status).toBe(400)
    const { url } = authorizationRequest(other.issuer, client_id)
    expect((await other.fetch(url.pathname + url.search)).status).toBe(400)
  })

  it('that is forgotten loses its grants, and is fetched anew for whoever connects it again', async () => {
    const client_id = host.publish('/forgotten.json')
    const { person } = await toolgate.account()
    const tokens = await toolgate.tokens(person(), client_id)
    const { revoked } = await forgetClient(toolgate.dependencies, client_id, BY)
    expect(revoked).toHaveLength(1)
    const refused = await other.refresh(client_id, tokens.refresh_token)
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: 'invalid_client' }])
    expect(await other.tokens(person(), client_id)).toMatchObject({ access_token: expect.any(String) })
  })
})

it('what is neither a client nor could be one is not blocked', async () => {
  for (const client_id of ['cl_nobody', 'personal-access-token', 'https://a.example/', 'http://a.example/x'])
    await expect(block(client_id)).rejects.toMatchObject({ code: 'not_found' })
})
