import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRegisteredRedirectUri } from '../../../src/clients/registration/redirect-matching.ts'

const matches = (presented: string, registered: string, type = 'native') =>
  isRegisteredRedirectUri(presented, [registered], type)

describe('a native client on loopback', () => {
  it.each([
    ['http://localhost/callback', 'http://localhost:3118/callback'],
    ['http://localhost:3118/callback', 'http://localhost/callback'],
    ['http://localhost:3118/callback', 'http://127.0.0.1:55555/callback'],
    ['http://127.0.0.1:1/callback', 'http://[::1]:65535/callback'],
    ['http://[::1]/callback', 'http://localhost/callback'],
    ['http://127.0.0.1/', 'http://127.0.0.1:33418'],
    ['http://localhost:1/callback?from=app', 'http://127.0.0.1:2/callback?from=app'],
    ['http://localhost/callback', 'HTTP://LocalHost:1/callback'],
  ])('%s is also %s', (registered, presented) => {
    expect(matches(presented, registered)).toBe(true)
  })

  it.each([
    ['http://localhost/callback', 'http://localhost/other'],
    ['http://localhost/callback', 'http://localhost/Callback'],
    ['http://localhost/callback', 'http://localhost/callback/'],
    ['http://localhost/callback', 'http://localhost/callback?x=1'],
    ['http://localhost/callback', 'http://localhost/x/../callback'],
    ['http://localhost/callback', 'http://localhost/%63allback'],
    ['http://localhost/callback', 'https://localhost/callback'],
    ['http://localhost/callback', 'http://localhost./callback'],
    ['http://localhost/callback', 'http://localhost.evil.example/callback'],
    ['http://localhost/callback', 'http://evil.example/callback'],
    ['http://localhost/callback', 'http://127.0.0.2/callback'],
    ['http://localhost/callback', 'http://127.1/callback'],
    ['http://localhost/callback', 'http://2130706433/callback'],
    ['http://localhost/callback', 'http://0.0.0.0/callback'],
    ['http://localhost/callback', 'http://[::]/callback'],
    ['http://localhost/callback', 'http://[::ffff:127.0.0.1]/callback'],
    ['http://localhost/callback', 'http://localhost@evil.example/callback'],
    ['http://localhost/callback', 'http://localhost:1@evil.example/callback'],
    ['http://localhost/callback', 'http://localhost:65536/callback'],
    ['http://localhost/callback', 'http://localhost:/callback'],
    ['http://localhost/callback', 'http://localhost:80x/callback'],
    ['http://localhost/callback', 'http://localhost/callback#x'],
    ['http://localhost/callback', 'http://localhost\\@evil.example/callback'],
    ['http://localhost/callback', 'http://localhost/callback\n'],
    ['http://localhost/callback', ' http://localhost/callback'],
    ['https://app.example/callback', 'https://app.example:444/callback'],
    ['https://app.example/callback', 'http://localhost/callback'],
    ['app:/callback', 'app:/callback/'],
  ])('%s is not %s', (registered, presented) => {
    expect(matches(presented, registered)).toBe(false)
  })
})

it.each([
  ['http://localhost:1/callback', 'http://localhost:2/callback'],
  ['http://localhost:1/callback', 'http://127.0.0.1:1/callback'],
  ['https://app.example/callback', 'https://app.example/callback/'],
])('for a web client %s is not %s', (registered, presented) => {
  expect(matches(presented, registered, 'web')).toBe(false)
  expect(isRegisteredRedirectUri(presented, [registered], undefined)).toBe(false)
})

describe('whatever is presented', () => {
  const hosts = fc.constantFrom('localhost', '127.0.0.1', '[::1]', 'app.example', 'localhost.example')
  const uris = fc
    .tuple(
      fc.constantFrom('http://', 'https://', 'app://', 'HTTP://'),
      hosts,
      fc.constantFrom('', ':1', ':80', ':65536', ':x', '@evil.example'),
      fc.constantFrom('', '/', '/cb', '/CB', '/cb?a=b', '/cb#f', '\\cb', '/cb\t'),
    )
    .map((parts) => parts.join(''))
  const registered = fc.array(fc.oneof(uris, fc.webUrl()), { maxLength: 4 })
  const presented = fc.oneof(uris, fc.webUrl(), fc.string({ unit: 'binary' }))
  const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

  it('it is registered to the letter, or differs from a registered loopback address in name and port only', () => {
    fc.assert(
      fc.property(presented, registered, fc.constantFrom('web', 'native', undefined), (uri, list, type) => {
        if (!isRegisteredRedirectUri(uri, list, type)) {
          expect(list).not.toContain(uri)
          return
        }
        if (list.includes(uri)) return
        expect(type).toBe('native')
        const url = new URL(uri)
        expect(url.protocol).toBe('http:')
        expect(LOOPBACK).toContain(url.hostname)
        expect(url.username + url.password + url.hash).toBe('')
        const same = list.filter((each) => {
          const other = URL.parse(each)
          return (
            other?.protocol === 'http:' &&
            LOOPBACK.includes(other.hostname) &&
            other.pathname + other.search === url.pathname + url.search
          )
        })
        expect(same).not.toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })
})
