import fc from 'fast-check'
import Koa from 'koa'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { clientIp, clientNetwork, requestContext, requestId } from '../../src/http/request-context.ts'

function app(options: { proxy?: boolean; max_ips?: number } = {}) {
  const koa = new Koa({ proxy: options.proxy ?? false, maxIpsCount: options.max_ips ?? 0 })
  koa.use(requestContext())
  koa.use((ctx) => {
    ctx.body = { id: requestId(ctx), again: requestId(ctx), ip: clientIp(ctx) }
  })
  return koa.callback()
}

describe('requestId', () => {
  it('is made for a request that brings none, stays the same, and is answered in the header', async () => {
    const first = await request(app()).get('/')
    const second = await request(app()).get('/')
    expect(first.body.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.body.again).toBe(first.body.id)
    expect(first.headers['x-request-id']).toBe(first.body.id)
    expect(second.body.id).not.toBe(first.body.id)
  })

  it('is taken from the caller when it is well formed', async () => {
    const response = await request(app()).get('/').set('x-request-id', 'Trace_01.abc-9')
    expect(response.headers['x-request-id']).toBe('Trace_01.abc-9')
  })

  it.each(['at_0123456789012345678901', 'AT_0123456789012345678901'])(
    'is never %s from the caller: nobody claims to be the attempt of somebody else',
    async (offered) => {
      const response = await request(app()).get('/').set('x-request-id', offered)
      expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  it('is never a value that could break a log line, a row or a header', async () => {
    const context = (offered: string) =>
      ({ state: {}, get: (name: string) => (name === 'x-request-id' ? offered : '') }) as never
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (offered) => {
        expect(requestId(context(offered))).toMatch(/^[A-Za-z0-9._-]{8,64}$/)
      }),
    )
    expect(requestId(context('seven77'))).not.toBe('seven77')
    expect(requestId(context('a'.repeat(65)))).not.toBe('a'.repeat(65))
    expect(requestId(context('valid-id\n'))).not.toContain('\n')
  })
})

describe('clientIp', () => {
  it('ignores X-Forwarded-For without a trusted proxy', async () => {
    const response = await request(app()).get('/').set('x-forwarded-for', '203.0.113.7')
    expect(response.body.ip).toBe('127.0.0.1')
  })

  it('takes the address that the last trusted proxy saw, not one the client wrote before it', async () => {
    const response = await request(app({ proxy: true, max_ips: 1 }))
      .get('/')
      .set('x-forwarded-for', '198.51.100.1, 203.0.113.7')
    expect(response.body.ip).toBe('203.0.113.7')
  })

  it.each([
    ['203.0.113.7:4711', '203.0.113.7'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[::ffff:203.0.113.7]:1', '203.0.113.7'],
  ])('reads %s, as some proxies write an address', async (forwarded, ip) => {
    const response = await request(app({ proxy: true, max_ips: 1 }))
      .get('/')
      .set('x-forwarded-for', forwarded)
    expect(response.body.ip).toBe(ip)
  })

  it.each([
    "'; drop table",
    'unknown',
    '_hidden',
    'fe80::1%eth0',
    '203.0.113.7:',
    '203.0.113.7:http',
    '[203.0.113.7',
    '2001:db8::1]:1',
  ])(
    'is not known when a trusted proxy says %s: the address of the proxy would pass for that of the client',
    async (forwarded) => {
      const response = await request(app({ proxy: true, max_ips: 1 }))
        .get('/')
        .set('x-forwarded-for', forwarded)
      expect(response.body.ip).toBeNull()
    },
  )

  it('is null when nothing is known, and writes a mapped IPv4 address as IPv4', () => {
    const context = (address: string | undefined) =>
      ({ ip: '', req: { socket: { remoteAddress: address } } }) as never
    expect(clientIp(context(undefined))).toBeNull()
    expect(clientIp(context('::ffff:203.0.113.7'))).toBe('203.0.113.7')
    expect(clientIp(context('2001:db8::1'))).toBe('2001:db8::1')
  })
})

describe('clientNetwork', () => {
  const networkOf = (address: string | undefined) =>
    clientNetwork({ ip: '', req: { socket: { remoteAddress: address } } } as never)

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})
