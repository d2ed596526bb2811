import { hash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { changeAccount } from '../../../src/accounts/accounts.ts'
import { FEEDS_PER_SERVER_MAX } from '../../../src/api/revocation-feed/change-feed.ts'
import {
  removeResourceServer,
  rotateResourceServerSecret,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { revokeGrants } from '../../../src/grants/grants.ts'
import { ChangeReader } from '../../support/change-reader.ts'
import { TEST } from '../../support/origins.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { audited } from '../../support/with-notes.ts'

const OTHER = 'http://localhost:4002/mcp'

let toolgate: Toolgate
let beside: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string
const open: ChangeReader[] = []

beforeAll(async () => {
  toolgate = await Toolgate.start()
  beside = await Toolgate.start({ beside: toolgate })
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
})
afterEach(() => {
  for (const reader of open.splice(0)) reader.close()
})
afterAll(async () => {
  await beside.close()
  await toolgate.close()
})

async function listen(credentials = rs, last_event_id?: string): Promise<ChangeReader> {
  const reader = await ChangeReader.open(toolgate.issuer, credentials, last_event_id)
  open.push(reader)
  return reader
}

/** Somebody who allowed the client something, and an end to it on the other instance. */
async function family() {
  const { id: account_id, username, person } = await toolgate.account()
  const tokens = await toolgate.tokens(person(), client_id)
  const revoke = () => revokeGrants(beside.dependencies, { account: username }, TEST)
  return { account_id, username, tokens, revoke, named: hash('sha256', account_id, 'base64url') }
}

describe('POST /introspect/changes', () => {
  it('begins with "all", because nobody knows what was kept, and then says that it lives', async () => {
    const reader = await listen()
    expect(reader.response.status).toBe(200)
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(reader.response.headers.get('cache-control')).toBe('no-store')
    expect(await reader.next()).toMatchObject({ event: 'drop', data: { drop: 'all' } })
    expect(await reader.next()).toMatchObject({ event: 'alive' })
    expect(await reader.next()).toMatchObject({ event: 'alive' })
  }, 20_000)

  it('names whose answers no longer count by a hash, whichever instance took them away', async () => {
    const { revoke, named } = await family()
    const reader = await listen()
    await reader.dropped()
    await revoke()
    expect(await reader.dropped()).toMatchObject({ event: 'drop', data: { accounts: [named] } })
  })

  it("tells nothing of another resource's tokens", async () => {
    const [someone, other] = [await family(), await toolgate.resourceServer(OTHER)]
    const readers = [await listen(), await listen(other)]
    for (const reader of readers) await reader.dropped()
    await someone.revoke()
    await readers[0]!.dropped()
    await changeAccount(beside.dependencies, someone.username, { disabled: true }, TEST)
    // The account is of no resource in particular; had the grant been told, it would have come before.
    const heard = await readers[1]!.dropped()
    expect(heard?.data).toEqual({ accounts: [someone.named] })
  })

  it('tells a reader that comes back what it missed, and nothing else', async () => {
    const [missed, before] = [await family(), await family()]
    const first = await listen()
    await first.dropped()
    await before.revoke()
    const last = await first.dropped()
    first.close()
    await missed.revoke()
    const again = await listen(rs, last?.id)
    expect(await again.next()).toMatchObject({ event: 'drop', data: { accounts: [missed.named] } })
    expect(await again.next()).toMatchObject({ event: 'alive' })
  })

  it.each([
    ['nonsense', () => 'nonsense'],
    ['a position of long ago', () => '1700000000000'],
    ['a position of the future', () => '99999999999999'],
    ['more than a position', () => `${Date.now()}~'; drop table audit_events; --`],
  ])('begins anew for %s', async (_, last_event_id) => {
    expect(await (await listen(rs, last_event_id())).next()).toMatchObject({ data: { drop: 'all' } })
  })

  it('ends when the credentials of its reader do, and drops all before', async () => {
    const mine = await toolgate.resourceServer()
    const reader = await listen(mine)
    await reader.dropped()
    await rotateResourceServerSecret(beside.dependencies, mine.client_id, TEST)
    expect((await reader.dropped())?.data).toEqual({ drop: 'all' })
    expect(await reader.dropped()).toBeUndefined()
    expect((await listen(mine)).response.status).toBe(401)
  })

  it('goes on when another resource server of the resource changes', async () => {
    const reader = await listen()
    await reader.dropped()
    const colleague = await toolgate.resourceServer()
    await removeResourceServer(beside.dependencies, colleague.client_id, TEST)
    expect((await reader.dropped())?.data).toEqual({ drop: 'all' })
    const { revoke, named } = await family()
    await revoke()
    expect((await reader.dropped())?.data).toEqual({ accounts: [named] })
  })

  it('refuses whoever is no resource server, and records that', async () => {
    const { response } = await listen({ client_id: rs.client_id, client_secret: 'wrong' })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('Basic')
    expect(await response.json()).toMatchObject({ error: 'invalid_client' })
    const refused = await audited(toolgate, { type: 'introspection.refused', actor_kind: 'unauthenticated' })
    expect(refused.map(({ detail }) => detail)).toContainEqual({ presented_client_id: rs.client_id })
    expect((await toolgate.fetch('/introspect/changes')).status).toBe(405)
    expect((await toolgate.post('/introspect/changes', {})).status).toBe(401)
  })

  it('takes the credentials in the body as well', async () => {
    const response = await fetch(`${toolgate.issuer}/introspect/changes`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: rs.client_id, client_secret: rs.client_secret }),
    })
    expect(response.status).toBe(200)
    await response.body?.cancel()
  })

  it('refuses the reader that is one too many of a resource server, and no other', async () => {
    const greedy = await toolgate.resourceServer()
    const readers = await Promise.all(Array.from({ length: FEEDS_PER_SERVER_MAX }, () => listen(greedy)))
    expect(readers.map(({ response }) => response.status)).toEqual(readers.map(() => 200))
    const { response } = await listen(greedy)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect((await listen()).response.status).toBe(200)
    readers[0]!.close()
    await expect.poll(async () => (await listen(greedy)).response.status).toBe(200)
  })

  it('ends cleanly when the server closes', async () => {
    const reader = await listen()
    await reader.dropped()
    await toolgate.app.feed.close()
    expect(await reader.dropped()).toBeUndefined()
  })
})
