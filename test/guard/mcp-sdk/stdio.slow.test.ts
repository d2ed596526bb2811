import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client as V2Client } from '@modelcontextprotocol/client'
import { StdioClientTransport as V2Stdio } from '@modelcontextprotocol/client/stdio'
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as V1Stdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseCatalogue } from '../../../src/catalogue/catalogue-file.ts'
import { ROOT } from '../../support/readme.ts'
import { RESOURCE } from '../../support/toolgate.ts'

/** The example server as people's clients start it: a program of its own, in mode `none`. */
const READS = ['get_note', 'search_notes']
const ALL = ['create_note', 'delete_note', ...READS, 'update_note']

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'notes-'))
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join())
  writeFileSync(join(directory, 'catalogue.json'), JSON.stringify(read.catalogue))
})
afterEach(() => rmSync(directory, { recursive: true }))

type Result = { isError?: boolean; content: { text?: string }[] }

/** A client of each of the SDKs, connected to the program. */
const CLIENTS = {
  v1: async (how: ConstructorParameters<typeof V1Stdio>[0]) => {
    const client = new V1Client({ name: 'test', version: '1' })
    await client.connect(new V1Stdio(how))
    return client
  },
  'v2 on 2026-07-28': async (how: ConstructorParameters<typeof V2Stdio>[0]) => {
    const client = new V2Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new V2Stdio(how))
    return client
  },
  'v2 on an older revision': async (how: ConstructorParameters<typeof V2Stdio>[0]) => {
    const client = new V2Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'legacy' } })
    await client.connect(new V2Stdio(how))
    return client
  },
}

describe.each(Object.entries(CLIENTS))('over stdio, a client of SDK %s', (_, connect) => {
  async function start(scopes?: string) {
    const log = join(directory, 'log.jsonl')
    const client = await connect({
      command: process.execPath,
      args: [join(ROOT, 'examples/notes-server/stdio.ts')],
      cwd: ROOT,
      env: {
        NOTES_CATALOGUE: join(directory, 'catalogue.json'),
        NOTES_RESOURCE: RESOURCE,
        NOTES_LOG: log,
        ...(scopes === undefined ? {} : { NOTES_SCOPES: scopes }),
      },
    })
    return {
      client,
      tools: async () => (await client.listTools()).tools.map(({ name }) => name).toSorted(),
      call: async (name: string, args = {}) =>
        (await client.callTool({ name, arguments: args })) as unknown as Result,
      /** The decisions about tools, as they were recorded. */
      decided: (): Record<string, unknown>[] =>
        readFileSync(log, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
          .filter(({ type, tool }) => type === 'tool.decided' && typeof tool === 'string'),
      recorded: () => readFileSync(log, 'utf8'),
    }
  }

  it('lists and calls every tool that the catalogue opens, and each call is recorded', async () => {
    const { client, tools, call, decided, recorded } = await start()
    expect(await tools()).toEqual(ALL)
    const { content } = await call('search_notes', { query: 'welcome' })
    expect(content[0]?.text).toContain('Welcome')
    const common = {
      actor_kind: 'local_user',
      client_id: 'local',
      resource: RESOURCE,
      decision: 'allowed',
    }
    expect(decided()).toEqual([expect.objectContaining({ tool: 'search_notes', ...common })])
    expect(recorded()).not.toContain('welcome')
    await client.close()
  })

  it('is given only the tools of the scopes that are held here', async () => {
    const { client, tools, call, decided } = await start('notes:read')
    expect(await tools()).toEqual(READS)
    await expect(call('delete_note', { id: '1' })).rejects.toMatchObject({
      code: -32010,
      data: { status: 403, error: 'insufficient_scope', scope: 'notes:delete' },
    })
    expect(decided().at(-1)).toMatchObject({ tool: 'delete_note', decision: 'denied' })
    expect((await call('get_note', { id: '1' })).isError).toBeUndefined()
    await client.close()
  })

  it('is denied a tool that no scope opens', async () => {
    const { client, call, decided } = await start()
    await expect(call('format_disk')).rejects.toMatchObject({
      code: -32010,
      data: { status: 403, error: 'insufficient_scope' },
    })
    expect(decided().at(-1)).toMatchObject({ tool: 'format_disk', decision: 'denied' })
    await client.close()
  })
})
