import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideMethod } from '../../src/permission/mcp-method.ts'
import type { Resource } from '../../src/permission/scopes.ts'

const NOTES: Resource = {
  resource: 'https://notes.example/mcp',
  name: 'Notes',
  default_scopes: ['read'],
  scopes: [
    {
      name: 'read',
      description: 'Read',
      tools: ['get'],
      prompts: ['summary'],
      resources: ['notes://public/*', 'notes://index', 'notes://odd/%2e%2e/x'],
      includes: [],
      risk: 'read_only',
    },
    { name: 'write', description: 'Write', tools: ['put'], prompts: ['get'], includes: ['read'] },
    { name: 'all', description: 'All', tools: [], resources: ['notes://secret/*'], includes: ['write'] },
  ],
}

const decide = (effective: string[], mcp_method: string, mcp_name?: string) =>
  decideMethod({ resource: NOTES, effective }, { mcp_method, mcp_name })

describe('a message that uses something', () => {
  it.each([
    ['prompts/get', 'summary', true, 'read'],
    ['prompts/get', 'get', false, 'write'],
    ['prompts/get', 'none', false, ''],
    ['resources/read', 'notes://index', true, 'read'],
    ['resources/read', 'notes://index/', false, ''],
    ['resources/read', 'notes://public/a%20b?c#d', true, 'read'],
    ['resources/read', 'notes://secret/a', false, 'all'],
    ['resources/read', 'notes://public/*', true, 'read'],
    ['resources/read', 'get', false, ''],
    ['resources/subscribe', 'notes://public/a', true, 'read'],
    ['resources/subscribe', 'notes://secret/a', false, 'all'],
    ['resources/unsubscribe', 'notes://secret/a', false, 'all'],
    ['completion/complete', 'ref/prompt:summary', true, 'read'],
    ['completion/complete', 'ref/prompt:notes://index', false, ''],
    ['completion/complete', 'ref/resource:notes://public/{id}', true, 'read'],
    ['completion/complete', 'ref/resource:summary', false, ''],
    ['completion/complete', 'summary', false, ''],
    ['tools/call', 'summary', false, ''],
    ['tools/call', 'notes://index', false, ''],
    ['tasks/get', 'get', false, ''],
    ['tasks/cancel', 'get', false, ''],
  ])('%s %s: %s for a reader, and it needs %j', (method, name, allowed, scope) => {
    expect(decide(['read'], method, name)).toMatchObject({ allowed, scope })
  })

  it('may be kept by whoever asked only where its scope is read only', () => {
    expect(decide(['all'], 'resources/read', 'notes://index').risk).toBe('read_only')
    expect(decide(['all'], 'resources/read', 'notes://secret/1').risk).toBeUndefined()
  })

  it.each([
    'notes://public/../secret/a',
    'notes://public/..',
    'notes://public/./a',
    'notes://public/a/..;x/b',
    'notes://public/%2e%2e/secret/a',
    'notes://public/.%2E/secret/a',
    'notes://public/a%2fb',
    'notes://public/a%5Cb',
    'notes://public/%252e%252e/a',
    'notes://public/a%00',
    'notes://public/a\\b',
    'notes://public/a b',
    'notes://public/\uff0e\uff0e/a',
    'notes://public/gr\u00f6\u00dfe',
    'Notes://public/a',
    'notes://PUBLIC/a',
    'notes://public',
  ])('does not come below a wildcard by %s', (uri) => {
    expect(decide(['all'], 'resources/read', uri)).toEqual({ allowed: false, scope: '' })
  })

  it('comes to what begins as the wildcard does, however a server resolves the URI', () => {
    const piece = fc.constantFrom(
      '.',
      '..',
      '/',
      '%2e',
      '%2F',
      '%25',
      '\\',
      'a',
      '?',
      '#',
      ';',
      ':',
      '@',
      '*',
      ' ',
      '\u3002',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const uri = `notes://public/${pieces.join('')}`
        if (!decide(['read'], 'resources/read', uri).allowed) return
        const resolved = new URL(decodeURIComponent(uri).replace('notes:', 'http:')).href
        expect(resolved.startsWith('http://public/')).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is exactly what the catalogue has where that is no wildcard, odd as it may be', () => {
    expect(decide(['read'], 'resources/read', 'notes://odd/%2e%2e/x').allowed).toBe(true)
    expect(decide(['read'], 'resources/read', 'notes://odd/%2E%2e/x').allowed).toBe(false)
  })
})

describe('a list', () => {
  it('says what is opened of its kind', () => {
    expect(decide(['write'], 'prompts/list')).toEqual({
      allowed: true,
      scope: '',
      prompts: ['get', 'summary'],
    })
    expect(decide(['read'], 'prompts/list').prompts).toEqual(['summary'])
    for (const method of ['resources/list', 'resources/templates/list'])
      expect(decide(['all'], method).resources).toEqual([
        'notes://index',
        'notes://odd/%2e%2e/x',
        'notes://public/*',
        'notes://secret/*',
      ])
    expect(decide([], 'resources/list')).toEqual({ allowed: true, scope: '', resources: [] })
  })
})

describe('a notification', () => {
  it.each([
    ['notifications/initialized', true],
    ['notifications/tools/list_changed', true],
    ['notifications/vendor.example/x-1', true],
    ['notifications/', false],
    ['notifications/../tools/call', false],
    ['notifications//tools/call', false],
    ['notifications', false],
  ])('%s is open to every live token: %s', (method, allowed) => {
    expect(decide([], method).allowed).toBe(allowed)
  })
})
