import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGuard, type Guard } from '../../src/guard/index.ts'
import { localPolicy } from '../../src/guard/local/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../support/introspection-stand-in.ts'

const RESOURCE = 'http://localhost:4001/mcp'
const COMMON = { resource: RESOURCE, default_scopes: [] }

// A file that was not deployed.
vi.mock('../../src/guard/reports/index.ts', () => {
  throw new Error('no such file')
})

let as: IntrospectionStandIn
let errors: Error[]
beforeEach(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: ['get_note'] })
  errors = []
})
afterEach(() => as.close())

const on_error = (error: Error) => void errors.push(error)

const ask = (guard: Guard) =>
  guard.decide({
    headers: new Headers({ authorization: 'Bearer reader' }),
    query: new URLSearchParams(),
    readBody: async () => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_note' } }),
    connection: 'stdio',
  })

describe('a part of the guard that cannot be loaded', () => {
  it('opens nothing: every request is answered 503, and the server hears why', async () => {
    const guard = createGuard({ ...COMMON, issuer: as.issuer, ...RESOURCE_SERVER, on_error })
    expect(await ask(guard)).toMatchObject({ outcome: 'refused', status: 503 })
    expect(errors.map(({ message }) => message)).toEqual(['A part of the guard could not be loaded'])
    expect(as.requests).toEqual([])
    await guard.close()
  })

  it('opens nothing in mode none, and the log is closed in the end', async () => {
    const close = vi.fn(async () => {})
    const resource = { resource: RESOURCE, name: 'Notes', default_scopes: [], scopes: [] }
    const local = localPolicy({
      catalogue: { resources: [resource] },
      log: { append: async () => {}, close },
    })
    const guard = createGuard({ ...COMMON, mode: 'none', local, on_error })
    expect(await ask(guard)).toMatchObject({ outcome: 'refused', status: 503 })
    await guard.close()
    expect(close).toHaveBeenCalledOnce()
  })
})
