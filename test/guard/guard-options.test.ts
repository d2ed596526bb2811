import { describe, expect, it } from 'vitest'
import { checkOptions } from '../../src/guard/guard-options.ts'

const options = {
  resource: 'https://notes.example/mcp',
  issuer: 'https://auth.example/',
  client_id: 'notes',
  client_secret: 'secret',
  default_scopes: ['notes:read'],
}

describe('checkOptions', () => {
  it('derives the endpoint from the issuer and the supported scopes from the default ones', () => {
    expect(checkOptions(options)).toMatchObject({
      mode: 'oauth',
      scopes_supported: ['notes:read'],
      decided_by: {
        server: { introspection_endpoint: 'https://auth.example/introspect', timeout_ms: 5000 },
      },
    })
  })

  it.each([
    ['resource', { resource: '/mcp' }],
    ['resource', { resource: 'https://notes.example/mcp#' }],
    ['resource', { resource: 'file:///mcp' }],
    ['issuer', { issuer: 'https://user:word@auth.example' }],
    ['client_id', { client_id: '' }],
    ['client_secret', { client_secret: undefined as unknown as string }],
    ['default_scopes', { default_scopes: ['two scopes'] }],
    ['scopes_supported', { scopes_supported: ['"'] }],
    ['timeout_ms', { timeout_ms: 0 }],
  ])('stops at start-up on a malformed %s, naming it', (name, fault) => {
    expect(() => checkOptions({ ...options, ...fault })).toThrow(new RegExp(`^${name} must`))
  })

  it('keeps working when the reporter of errors fails', () => {
    const on_error = () => {
      throw new Error('the log is full')
    }
    expect(() => checkOptions({ ...options, on_error }).on_error(new Error('x'))).not.toThrow()
  })
})
