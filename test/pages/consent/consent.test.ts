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
    client: { client_id: 'cl_1', name: 'App', is_added: false },
    redirect_uri: 'http://127.0.0.1:1/cb',
    refused: [],
    growth: [],
    catalogue_version: 1,
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

  it('ticks nothing that cannot be undone, unless exactly that was just refused', () => {
    const ticked = (refused: string[]) =>
      consentView(request({ refused }))
        .scopes.filter((scope) => scope.ticked)
        .map(({ name }) => name)
    expect(ticked([])).toEqual(['read', 'write'])
    expect(ticked(['write', 'delete read', 'Delete'])).toEqual(['read', 'write'])
    expect(ticked(['delete'])).toEqual(['read', 'write', 'delete'])
  })

  it('separates what this account may not hold', () => {
    const view = consentView(request({ roles: ['editor'] }))
    expect(view.scopes.map(({ name }) => name)).toEqual(['read', 'write'])
    expect(view.unavailable).toEqual([{ name: 'delete', description: 'Delete notes' }])
  })

  it.each([
    [
      'https://app.example/client.json',
      'Bank',
      false,
      { name: 'Bank', host: 'app.example', named_by: 'host' },
    ],
    [
      'https://app.example/client.json',
      undefined,
      false,
      { name: 'app.example', host: 'app.example', named_by: 'host' },
    ],
    ['cl_1', 'Bank', false, { name: 'Bank', host: undefined, named_by: 'itself' }],
    ['cl_1', undefined, false, { name: 'An unnamed app', host: undefined, named_by: 'itself' }],
    ['cl_1', 'Bank', true, { name: 'Bank', host: undefined, named_by: 'operator' }],
  ])('says who chose the name: %s', (client_id, name, is_added, shown) => {
    expect(consentView(request({ client: { client_id, name, is_added } })).client).toEqual(shown)
  })

  it.each([
    ['http://localhost/cb', 'cl_1', 'loopback', ['loopback']],
    ['http://localhost/cb', 'https://app.example/client.json', 'loopback', ['loopback']],
    ['cursor://callback', 'cl_1', 'app', ['app']],
    ['evilapp://app.example/cb', 'https://app.example/client.json', 'app', ['app']],
    ['https://app.example/cb', 'https://app.example/client.json', 'web', []],
    ['https://evil.example/cb', 'https://app.example/client.json', 'web', ['elsewhere']],
    ['https://app.example/cb', 'cl_1', 'web', []],
  ] as const)(
    'warns by the redirect of this request: %s of %s',
    (redirect_uri, client_id, kind, warnings) => {
      const view = consentView(request({ redirect_uri, client: { client_id, name: 'App', is_added: false } }))
      expect([view.receiver.kind, view.warnings]).toEqual([kind, warnings])
    },
  )

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

  it('gives nothing that was offered and not ticked, by no way round, and says what it opens', () => {
    expect(decideScopes(request(), ['delete'])).toMatchObject({ granted: [], opened: [] })
    expect(decideScopes(request(), ['read', 'delete'])).toMatchObject({ granted: ['read'], opened: ['read'] })
    expect(decideScopes(request({ requested: ['delete'] }), ['delete'])).toMatchObject({
      granted: ['delete'],
      opened: ['read', 'write', 'delete'],
    })
  })

  it('what was not offered cannot be ticked', () => {
    expect(decideScopes(request({ roles: ['reader'] }), ['read', 'delete'])).toMatchObject({
      granted: ['read'],
      rejected: ['write', 'delete'],
    })
    expect(decideScopes(request({ requested: ['read'] }), ['delete'])).toMatchObject({
      granted: [],
      rejected: ['read'],
    })
  })
})
