import { describe, expect, it } from 'vitest'
import { basePath, localPath } from '../../src/http/base-path.ts'

it.each([
  ['https://auth.example', ''],
  ['https://auth.example/auth', '/auth'],
  ['https://auth.example/tenants/one', '/tenants/one'],
])('the path of %s is %j', (issuer, path) => {
  expect(basePath(issuer)).toBe(path)
})

describe('below an issuer with a path', () => {
  it.each([
    ['/auth/token', '/token'],
    ['/auth/interaction/x/login', '/interaction/x/login'],
    ['/.well-known/oauth-authorization-server/auth', '/.well-known/oauth-authorization-server'],
    ['/.well-known/openid-configuration/auth', '/.well-known/openid-configuration'],
    ['/auth/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server'],
    ['/auth/.well-known/openid-configuration', '/.well-known/openid-configuration'],
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
    ['/auth/', '/'],
  ])('%s is %s', (path, local) => {
    expect(localPath(path, '/auth')).toBe(local)
  })

  it.each([
    '/',
    '/auth',
    '/token',
    '/authorize',
    '/Auth/token',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/',
    '/.well-known/oauth-authorization-server/authx',
    '/.well-known/oauth-authorization-server/auth/x',
    '/.well-known/other/auth',
    '*',
    '',
  ])('%s is nothing', (path) => {
    expect(localPath(path, '/auth')).toBeUndefined()
  })
})

it('without a path every path is its own', () => {
  for (const path of ['/', '/token', '/.well-known/openid-configuration/x', '*'])
    expect(localPath(path, '')).toBe(path)
})
