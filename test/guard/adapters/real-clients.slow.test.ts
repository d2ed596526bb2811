import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNotesMcp } from '../../../examples/notes-server/mcp-server.ts'
import { createGuard } from '../../../src/guard/index.ts'
import { freePort } from '../../support/free-port.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { audited, catalogueFor, connectThrough, letDecide, REAL_CLIENTS } from '../../support/with-notes.ts'
import { READER_TOOLS } from './suite/stage.ts'
import type { Served } from './suite.ts'
import { serveByExpress, serveByFetch, serveByHono, serveByKoa, serveByNode } from './ways-to-serve.ts'

/** From a bare URL to an allowed and a denied call, by the official SDKs, with a whole Toolgate, behind each adapter. */
const ADAPTERS = [
  ['protectNodeHandler', serveByNode],
  ['protectExpress', serveByExpress],
  ['protectKoa', serveByKoa],
  ['protectFetchHandler', serveByFetch],
  ['protectHono', serveByHono],
] as const

describe.each(ADAPTERS)('behind %s', (_, serve) => {
  let toolgate: Toolgate
  let served: Served
  let resource: string

  beforeAll(async () => {
    const port = await freePort()
    resource = `http://localhost:${port}/mcp`
    toolgate = await Toolgate.start({ catalogue: catalogueFor(resource) })
    const { client_id, client_secret } = await toolgate.resourceServer(resource)
    const credentials = { issuer: toolgate.issuer, client_id, client_secret }
    const options = { resource, ...credentials, default_scopes: ['notes:read'] }
    served = await serve({ guard: createGuard(options), options, mcp: createNotesMcp(), port })
  })
  afterAll(async () => {
    await served?.close()
    await toolgate?.close()
  })

  it.each(REAL_CLIENTS)('%s finds its way, calls, and steps up', async (_name, make) => {
    const account = await toolgate.account()
    const person = account.person((offered) => offered)
    const client = make(resource)
    await connectThrough(client, person)
    expect(await client.tools()).toEqual(READER_TOOLS.toSorted())
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    const asked = client.call('create_note', { title: 'a', text: 'b' })
    await asked.catch(() => {})
    await letDecide(client, person)
    await client.connect()
    expect(await client.call('create_note', { title: 'a', text: 'b' })).toContain('"title":"a"')
    const decisions = await audited(toolgate, { account_id: account.id, tool: 'create_note' })
    expect(decisions.map(({ decision }) => decision)).toEqual(expect.arrayContaining(['denied', 'allowed']))
    await client.close()
  })
})
