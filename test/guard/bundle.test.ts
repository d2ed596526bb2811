import { createContext, runInContext } from 'node:vm'
import type { OutputOptions } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { bundleOf, bytesOf, GUARD_BYTES_MAX, GUARD_ENTRY, neededAtOnce } from '../../bench/guarded/bundle.ts'
import type { FetchExtras } from '../../src/guard/adapters/fetch.ts'
import type { Decision, Guard, GuardOptions } from '../../src/guard/index.ts'

/** The guard as it is shipped to a browser's worker, an edge or anywhere else where there is no Node. */
const FETCH = 'src/guard/adapters/fetch.ts'

/** In one piece, with what is loaded later. */
async function bundle(input: string, output: OutputOptions = {}): Promise<string> {
  const [chunk, ...others] = await bundleOf(input, { codeSplitting: false, ...output })
  expect(others).toEqual([])
  return chunk?.code ?? ''
}

const WEB = [
  'Request',
  'Response',
  'Headers',
  'URL',
  'URLSearchParams',
  'ReadableStream',
  'TextEncoder',
  'TextDecoder',
]
const ALSO_WEB = [
  'AbortController',
  'AbortSignal',
  'Uint8Array',
  'crypto',
  'atob',
  'btoa',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'performance',
]

/** The standards of the web, and nothing else: no `process`, no `Buffer`, no `require`. */
function webOnly(fetch: (url: string, init: { body: URLSearchParams }) => Promise<Response>) {
  const globals = [...WEB, ...ALSO_WEB].map((name) => [name, Reflect.get(globalThis, name)])
  return createContext({ ...Object.fromEntries(globals), fetch })
}

describe('the bundle of the guard', () => {
  it('is smaller than 20 KB, beside what only some guards load: reports, the cache, signing with a key', async () => {
    expect(bytesOf(neededAtOnce(await bundleOf(GUARD_ENTRY)))).toBeLessThan(GUARD_BYTES_MAX)
  })

  it.each([GUARD_ENTRY, FETCH, 'src/guard/adapters/hono.ts'])(
    'needs no module of Node: %s',
    async (input) => {
      const code = await bundle(input)
      expect(code).not.toMatch(/\bnode:|\bprocess\.|\bBuffer\b/)
      expect(code).not.toMatch(/\bimport\b/)
    },
  )

  it('decides and serves where there is nothing but the standards of the web', async () => {
    const resource = 'https://notes.test/mcp'
    const active = { active: true, sub: 'ada', client_id: 'c', scope: 'a', aud: resource, exp: 9e9 }
    const context = webOnly(async (_url, { body }) => {
      const name = body.get('mcp_name')
      const mcp = { method: 'tools/call', name, allowed: name === 'get_note', scope: 'notes:write' }
      return Response.json({ ...active, mcp })
    })
    for (const [name, input] of Object.entries({ core: GUARD_ENTRY, adapter: FETCH }))
      runInContext(
        `var ${name} = ${iife(await bundle(input, { format: 'iife', name: 'it', minify: false }))}`,
        context,
      )

    const { core, adapter } = context as unknown as { core: Core; adapter: Adapter }
    const guard = core.createGuard({
      resource,
      issuer: 'https://auth.test',
      client_id: 'notes',
      client_secret: 's',
      default_scopes: ['a'],
    })
    const call = (tool: string) =>
      new Request(resource, {
        method: 'POST',
        headers: { authorization: 'Bearer t' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
      })
    const decisions = [await guard.decide(call('get_note')), await guard.decide(call('delete_note'))]
    expect(decisions.map((decision: Decision) => decision.outcome)).toEqual(['allowed', 'refused'])
    const handler = adapter.protectFetchHandler(guard, (_request, { authInfo }) =>
      Response.json(authInfo.extra.tools),
    )
    expect(await (await handler(call('get_note'))).json()).toEqual(['get_note'])
    expect((await handler(call('delete_note'))).status).toBe(403)
  })
})

type Core = { createGuard(options: GuardOptions): Guard }
type Adapter = {
  protectFetchHandler(
    guard: Guard,
    handler: (request: Request, extras: FetchExtras) => Response,
  ): (request: Request) => Promise<Response>
}

/** Of a bundle that gives its exports a name, what the name is given. */
function iife(code: string): string {
  return code.slice(code.indexOf('(function'))
}
