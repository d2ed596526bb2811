// A stranger who has documents fetched that are not there, and begins sign-ins that nobody goes on with.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DocumentHost, documentOf, json, status } from '../support/document-host.ts'
import { REDIRECT_URI, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest } from '../support/visitor.ts'

const ATTACKER = '198.51.100.1'
const HONEST = '192.0.2.1'

let host: DocumentHost
let toolgate: Toolgate
beforeAll(async () => {
  host = await DocumentHost.start()
})
beforeEach(async () => {
  host.answer = (request, response) => {
    const { host: name } = request.headers
    const is_there = name?.startsWith('good') === true
    const client_id = `https://${name}${request.url}`
    return (is_there ? json(documentOf(client_id)) : status(404))(request, response)
  }
  await toolgate?.close()
  toolgate = await Toolgate.start({
    document_network: host.networkWith({ timeout_ms: 2_000 }),
    env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' },
  })
})
afterAll(async () => {
  await toolgate.close()
  await host.close()
})

async function authorize(
  client_id: string,
  ip: string,
  more: Record<string, string> = {},
): Promise<Response> {
  const { url } = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read', ...more })
  return toolgate.fetch(`${url.pathname}${url.search}`, { headers: { 'x-forwarded-for': ip } })
}

const nowhere = (index: number) => host.url(`/${index}.json`, `nowhere${index}.documents.example`)
const good = (index: number) => host.url('/client.json', `good${index}.documents.example`)

async function attack(count: number, ip: (index: number) => string, first = 0): Promise<number[]> {
  const statuses = []
  for (let index = first; index < first + count; index += 1)
    statuses.push((await authorize(nowhere(index), ip(index))).status)
  return statuses
}

const rowsOf = async (model: string) =>
  Number((await toolgate.db.database.knex('oidc_payloads').where({ model }).count({ rows: '*' }))[0]?.rows)

describe('documents that are not there', () => {
  it('125 of one network leave others their new clients, and tell the attacker when to come again', async () => {
    const statuses = await attack(125, () => ATTACKER)
    expect(statuses).toEqual([...Array(60).fill(400), ...Array(65).fill(503)])
    expect((await authorize(good(1), HONEST)).status).toBe(303)
    const busy = await authorize(good(2), ATTACKER)
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '60'])
    expect(await busy.text()).toContain('temporarily_unavailable')
  })

  it('of 250 networks leave the clients of hosts that were good before', async () => {
    expect((await authorize(good(3), HONEST)).status).toBe(303)
    await toolgate.db.database.knex('metadata_documents').update({ fresh_until: new Date(0) })
    const statuses = await attack(250, (index) => `10.6.0.${index % 250}`, 1_000)
    expect(statuses.filter((code) => code === 503).length).toBeGreaterThan(60)
    const asked = host.requests.length
    expect((await authorize(good(3), HONEST)).status).toBe(303)
    expect((await authorize(host.url('/another.json', 'good3.documents.example'), HONEST)).status).toBe(303)
    expect(host.requests.length).toBe(asked + 2)
  })

  it('never become an invalid client because too much was asked: known copies serve', async () => {
    expect((await authorize(good(4), ATTACKER)).status).toBe(303)
    await attack(100, () => ATTACKER, 2_000)
    await toolgate.db.database.knex('metadata_documents').update({ fresh_until: new Date(0) })
    expect((await authorize(good(4), ATTACKER)).status).toBe(303)
  })
})

describe('sign-ins that nobody goes on with', () => {
  const state = 'x'.repeat(6_000)

  it('of one network leave 60 rows in a minute, whatever their size, and others go on', async () => {
    const { client_id } = await toolgate.register({ redirect_uris: [REDIRECT_URI] })
    const before = await rowsOf('Interaction')
    const statuses = []
    for (let count = 0; count < 100; count += 1)
      statuses.push((await authorize(client_id, ATTACKER, { state })).status)
    expect((await rowsOf('Interaction')) - before).toBe(60)
    expect(await rowsOf('Session')).toBe(0)
    expect(new Set(statuses)).toEqual(new Set([303]))
    const refused = await authorize(client_id, ATTACKER)
    expect(refused.headers.get('location')).toContain('error=temporarily_unavailable')
    expect((await authorize(client_id, HONEST)).headers.get('location')).toContain('/interaction/')
  })

  it('of an IPv6 /48 count as of one network', async () => {
    const { client_id } = await toolgate.register({ redirect_uris: [REDIRECT_URI] })
    const before = await rowsOf('Interaction')
    for (let count = 0; count < 80; count += 1)
      await authorize(client_id, `2001:db8:9:${count.toString(16)}::1`)
    expect((await rowsOf('Interaction')) - before).toBe(60)
  })
})
