import { describe, expect, it } from 'vitest'
import {
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from '../../src/guard/protected-resource-metadata.ts'

describe('protected resource metadata', () => {
  it.each([
    ['https://rs.example/mcp', 'https://rs.example/.well-known/oauth-protected-resource/mcp'],
    ['https://rs.example', 'https://rs.example/.well-known/oauth-protected-resource'],
    ['https://rs.example/', 'https://rs.example/.well-known/oauth-protected-resource'],
    ['https://rs.example/a/b?c=d', 'https://rs.example/.well-known/oauth-protected-resource/a/b?c=d'],
  ])('of %s is at %s', (resource, url) => {
    expect(protectedResourceMetadataUrl(resource)).toBe(url)
  })

  it('is also served at the root', () => {
    expect(protectedResourceMetadataPaths('https://rs.example/mcp')).toEqual([
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-protected-resource',
    ])
    expect(protectedResourceMetadataPaths('https://rs.example')).toHaveLength(1)
  })

  it('names the resource and the issuer verbatim, since clients compare them as strings', () => {
    const settings = {
      resource: 'https://rs.example/mcp',
      issuer: 'https://as.example',
      scopes_supported: ['notes:read'],
      resource_name: undefined,
    }
    expect(protectedResourceMetadata(settings)).toEqual({
      resource: 'https://rs.example/mcp',
      authorization_servers: ['https://as.example'],
      scopes_supported: ['notes:read'],
      bearer_methods_supported: ['header'],
    })
  })
})
