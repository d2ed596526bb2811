import { expect, it } from 'vitest'
import { resourceMetadataUrls, serverMetadataUrls } from '../../../src/doctor/crawl/well-known.ts'

it('looks for the metadata of a resource below its path first, then at the root', () => {
  expect(resourceMetadataUrls('https://a.test/mcp')).toEqual([
    'https://a.test/.well-known/oauth-protected-resource/mcp',
    'https://a.test/.well-known/oauth-protected-resource',
  ])
  expect(resourceMetadataUrls('https://a.test/')).toEqual([
    'https://a.test/.well-known/oauth-protected-resource',
  ])
})

it('looks for the metadata of a server in the order of the MCP specification', () => {
  expect(serverMetadataUrls('https://a.test')).toEqual([
    'https://a.test/.well-known/oauth-authorization-server',
    'https://a.test/.well-known/openid-configuration',
  ])
  expect(serverMetadataUrls('https://a.test/tenant/')).toEqual([
    'https://a.test/.well-known/oauth-authorization-server/tenant',
    'https://a.test/.well-known/openid-configuration/tenant',
    'https://a.test/tenant/.well-known/openid-configuration',
  ])
})
