import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { AppError } from '../../../src/base/errors.ts'
import { takeInventory } from '../../../src/doctor/discovery/inventory.ts'
import { freePort } from '../../support/free-port.ts'
import { startWithNotes } from '../../support/with-notes.ts'
import { serveOffering } from './offering.ts'

const TIMEOUT_MS = 20_000
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

it('lists the tools of a server with what it says of them', async () => {
  const server = await serveOffering({
    get: { readOnlyHint: true, title: 'Get' },
    burn: { destructiveHint: true },
    put: undefined,
  })
  open.push(server)
  expect(await takeInventory({ url: server.url }, TIMEOUT_MS)).toEqual({
    server: { name: 'Notes MCP server', version: '2.0.1' },
    protocol_version: '2026-07-28',
    tools: [
      { name: 'burn', description: 'Does burn', destructive: true },
      { name: 'get', description: 'Does get', title: 'Get', read_only: true },
      { name: 'put', description: 'Does put' },
    ],
    prompts: ['plan'],
    resources: ['notes://*', 'other://index'],
  })
})

it('asks a program over stdio', async () => {
  const program = new URL('offering-over-stdio.ts', import.meta.url).pathname
  const place = { command: process.execPath, args: [program] }
  const { tools } = await takeInventory(place, TIMEOUT_MS)
  expect(tools.map(({ name, read_only }) => [name, read_only])).toEqual([
    ['burn', undefined],
    ['search_notes', true],
  ])
})

it('says what to do when the server wants a token', async () => {
  const notes = await startWithNotes()
  open.push(notes)
  const asked = takeInventory({ url: notes.resource }, TIMEOUT_MS)
  await expect(asked).rejects.toThrow(AppError)
  await expect(asked).rejects.toMatchObject({
    code: 'unauthenticated',
    message: expect.stringMatching(/--token-file/),
  })
})

it('says that nobody answers', async () => {
  const url = `http://127.0.0.1:${await freePort()}/mcp`
  await expect(takeInventory({ url }, TIMEOUT_MS)).rejects.toMatchObject({ code: 'unavailable' })
})

it('says why a server cannot be reached', async () => {
  const url = `http://127.0.0.1:${await freePort()}/mcp`
  await expect(takeInventory({ url, token: undefined }, 10_000)).rejects.toThrow(/ECONNREFUSED.*Check that/s)
})

it('shows nothing of a server that would steer a terminal', async () => {
  const server = createServer((_, response) => {
    response.writeHead(404).end('\u001b[2Jgone')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const asked = takeInventory({ url: `http://127.0.0.1:${port}/mcp`, token: undefined }, 10_000)
  await expect(asked).rejects.toThrow(/^[^\p{Cc}]*gone[^\p{Cc}]*$/u)
  server.close()
})
