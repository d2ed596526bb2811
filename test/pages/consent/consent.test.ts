import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import {
  type ConsentRequest,
  consentView,
  decideScopes,
  offeredScopes,
} from '../../../src/pages/consent/consent.ts'

const RESOURCE = 'https://notes.example/mcp'
const CATALOGUE: Catalogue = {
  resources: [
    {
      resource: RESOURCE,
      name: 'Notes',
      default_scopes: ['read'],
      scopes: [
        { name: 'read', description: 'Read your notes', tools: ['search'], includes: [] },
        { name: 'write', description: 'Change notes', tools: ['create'], includes: ['read'] },
        {
          name: 'delete',
          description: 'Delete notes',
          tools: ['delete'],
          includes: ['write'],
          risk: 'destructive',
        },
      ],
    },
  ],
  roles: [
    { name: 'reader', grants: [{ resource: RESOURCE, scopes: ['read'] }] },
    { name: 'editor', grants: [{ resource: RESOURCE, scopes: ['write'] }] },
    { name: 'owner', grants: [{ resource: RESOURCE, scopes: ['delete'] }] },
  ],
}

function request(change: Partial<ConsentRequest> = {}): ConsentRequest {
  return {
    catalogue: CATALOGUE,
    resource: RESOURCE,
    requested: ['read', 'write', 'delete'],
    roles: ['owner'],
    username: 'kim',
    client: { client_id: 'cl_1', name: 'App', redirect_uris: ['http://127.0.0.1:1/cb'] },
    redirect_uri: 'http://127.0.0.1:1/cb',
    ...change,
  }
}

describe('the page', () => {
  it('shows each scope with the tools it opens, what it includes, and whether it destroys', () => {
    expect(consentView(request()).scopes).toEqual([
      expect.objectContaining({ name: 'read', tools: ['search'], includes: [], destructive: false }),
      expect.objectContaining({
        name: 'write',
        tools: ['create'],
        includes: [{ name: 'read', description: 'Read your notes' }],
        destructive: false,
      }),
      expect.objectContaining({
        name: 'delete',
        tools: ['delete'],
        includes: [
          { name: 'read', description: 'Read your notes' },
          { name: 'write', description: 'Change notes' },
        ],
        destructive: true,
      }),
    ])
  })

  it('separates what this account may not hold', () => {
    const view = consentView(request({ roles: ['editor'] }))
    expect(view.scopes.map(({ name }) => name)).toEqual(['read', 'write'])
    expect(view.unavailable).toEqual([{ name: 'delete', description: 'Delete notes' }])
  })

  it('shows the host of a client known by the URL of its document, and only claims for any other', () => {
    const redirect_uris = ['https://app.example/cb']
    const known = { client_id: 'https://app.example/client.json', name: 'Bank', redirect_uris }
    expect(consentView(request({ client: known })).client).toEqual({
      name: 'Bank',
      host: 'app.example',
      verified: true,
    })
    const claimed = { client_id: 'cl_1', name: undefined, redirect_uris }
    expect(consentView(request({ client: claimed })).client).toEqual({
      name: 'An unnamed app',
      host: undefined,
      verified: false,
    })
  })

  it('warns exactly when a client is reachable on loopback only', () => {
    const on = (...redirect_uris: string[]) =>
      consentView(request({ client: { client_id: 'c', name: 'App', redirect_uris } })).loopback_only
    expect(on('http://localhost/cb', 'http://[::1]:9/cb')).toBe(true)
    expect(on('http://localhost/cb', 'https://app.example/cb')).toBe(false)
    expect(on('cursor://callback')).toBe(false)
  })

  it('a resource that is not in the catalogue is a fault of ours: nobody may be asked for it', () => {
    expect(() => consentView(request({ resource: 'https://elsewhere.example' }))).toThrow(
      'not in the catalogue',
    )
  })
})

describe('the answer', () => {
  const name = fc.oneof(fc.constantFrom('read', 'write', 'delete', '__proto__', ''), fc.string())
  const roles = fc.subarray(['reader', 'editor', 'owner', 'gone'])

  it('grants only what was asked, offered and ticked, and rejects the rest of what was asked', () => {
    fc.assert(
      fc.property(fc.array(name), roles, fc.array(name), (requested, held, ticked) => {
        const asked = request({ requested, roles: held })
        const { granted, rejected } = decideScopes(asked, ticked)
        const offered = offeredScopes(asked).offered.map((scope) => scope.name)
        for (const scope of granted) {
          expect(requested).toContain(scope)
          expect(ticked).toContain(scope)
          expect(offered).toContain(scope)
        }
        expect(new Set([...granted, ...rejected])).toEqual(new Set(requested))
        expect(rejected.filter((scope) => granted.includes(scope))).toEqual([])
      }),
    )
  })

  it('what was not offered cannot be ticked', () => {
    expect(decideScopes(request({ roles: ['reader'] }), ['read', 'delete'])).toEqual({
      granted: ['read'],
      rejected: ['write', 'delete'],
    })
    expect(decideScopes(request({ requested: ['read'] }), ['delete'])).toEqual({
      granted: [],
      rejected: ['read'],
    })
  })
})
