import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { listen } from '../../../src/guard/adapters/listen.ts'
import { createGuard, type GuardMode, type GuardOptions } from '../../../src/guard/index.ts'
import { localPolicy } from '../../../src/guard/local/index.ts'
import { RESOURCE_SERVER } from '../../support/introspection-stand-in.ts'

const resource = 'http://localhost:4001/mcp'
const scopes = [{ name: 'a:read', description: 'Read', tools: ['read'], includes: [] }]
const catalogue = { resources: [{ resource, name: 'A', default_scopes: ['a:read'], scopes }] }
const log = { append: async () => {}, close: async () => {} }

function guardIn(mode: GuardMode) {
  const options: GuardOptions = {
    mode,
    resource,
    issuer: 'http://localhost:4000',
    ...RESOURCE_SERVER,
    default_scopes: ['a:read'],
    local: localPolicy({ catalogue, log }),
  }
  return createGuard(options)
}

it.each(['127.0.0.1', 'localhost', '::1', undefined])('in mode none a server listens on %s', async (host) => {
  const server = createServer()
  expect((await listen(guardIn('none'), server, { port: 0, host })).port).toBeGreaterThan(0)
  server.close()
})

it.each(['0.0.0.0', '::', '', '192.168.1.1', 'notes.test'])(
  'in mode none a server does not start on %j, and says what to do',
  async (host) => {
    const server = createServer()
    await expect(listen(guardIn('none'), server, { port: 0, host })).rejects.toThrow(
      /Listen on 127\.0\.0\.1, or set the mode/,
    )
    expect(server.listening).toBe(false)
  },
)

it.each(['token', 'oauth'] as const)('in mode %s a server listens where it is told to', async (mode) => {
  const server = createServer()
  expect((await listen(guardIn(mode), server, { port: 0, host: '0.0.0.0' })).address).toBe('0.0.0.0')
  server.close()
})

it('a port that is taken is an error of the one who listens', async () => {
  const [first, second] = [createServer(), createServer()]
  const { port } = await listen(guardIn('none'), first, { port: 0 })
  await expect(listen(guardIn('none'), second, { port })).rejects.toThrow('EADDRINUSE')
  first.close()
})
