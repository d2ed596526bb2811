import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import {
  ipv6Groups,
  isLoopbackHost,
  isLoopbackRedirectHost,
  isPublicAddress,
  isPublicHost,
} from '../../src/base/host.ts'

type Range = [first: ipaddr.IPv4 | ipaddr.IPv6, prefix: number]

/** All that `ipaddr.js` has a name for; its types do not show them. */
const RANGES = [ipaddr.IPv4, ipaddr.IPv6].flatMap(({ prototype }) =>
  Object.values(Reflect.get(prototype, 'SpecialRanges') as Record<string, Range | Range[]>).flatMap(
    (ranges) => (Array.isArray(ranges[0]) ? (ranges as Range[]) : [ranges as Range]),
  ),
)

/** The first address of a range and its last, and the ones before and behind. */
function edgesOf([first, prefix]: Range): string[] {
  const bits = first.kind() === 'ipv4' ? 32n : 128n
  const start = first.toByteArray().reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
  const end = start + (1n << (bits - BigInt(prefix))) - 1n
  const bytesOf = (number: bigint) =>
    Array.from({ length: Number(bits) / 8 }, (_, index) =>
      Number((number >> (bits - 8n * BigInt(index + 1))) & 0xffn),
    )
  return [start - 1n, start, end, end + 1n]
    .filter((number) => number >= 0n && number < 1n << bits)
    .map((number) => ipaddr.fromByteArray(bytesOf(number)).toString())
}
const EDGES = RANGES.flatMap(edgesOf)

const rangeOf = (address: string) => ipaddr.parse(address).range() as string
const isGlobalUnicast = (address: string) =>
  ipaddr.IPv4.isValid(address) || ipaddr.parse(address).match(ipaddr.parseCIDR('2000::/3'))

/** An address in another spelling of the same. */
const spelled = (address: string) =>
  fc.constantFrom(
    address,
    address.toUpperCase(),
    ...(address.includes(':') ? [ipaddr.IPv6.parse(address).toNormalizedString()] : []),
  )
// `ipaddr.js` takes the deprecated `::1.2.3.4` for `::ffff:1.2.3.4`.
const ipV6 = fc.ipV6().filter((address) => !/^::\d+\./.test(address))
const addresses = fc.oneof(fc.ipV4(), ipV6, fc.constantFrom(...EDGES)).chain(spelled)

describe('an address, whatever its spelling', () => {
  it('is public when ipaddr.js knows no special use of it, and it is global unicast', () => {
    const check = (address: string) => {
      const expected = rangeOf(address) === 'unicast' && isGlobalUnicast(address)
      expect([address, isPublicAddress(address)]).toEqual([address, expected])
      expect([address, isPublicHost(address)]).toEqual([address, expected])
    }
    EDGES.forEach(check)
    fc.assert(fc.property(addresses, check), { numRuns: 2_000 })
  })

  it('is loopback when ipaddr.js says so, of it or of the IPv4 address that it maps', () => {
    const check = (address: string) => {
      const expected = ipaddr.process(address).range() === 'loopback'
      expect([address, isLoopbackHost(address)]).toEqual([address, expected])
    }
    const mapped = fc.ipV4().map((address) => `::ffff:${address}`)
    const loopback = fc.nat(0xffffff).map((low) => `127.${low >> 16}.${(low >> 8) & 255}.${low & 255}`)
    EDGES.forEach(check)
    fc.assert(fc.property(fc.oneof(addresses, mapped, loopback), check), { numRuns: 2_000 })
  })

  it('in IPv6 that embeds an IPv4 address is never public', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        for (const prefix of ['::ffff:', '::', '64:ff9b::', '::ffff:0:'])
          expect(isPublicAddress(prefix + address)).toBe(false)
      }),
    )
  })

  it('of IPv6 has eight groups', () => {
    fc.assert(
      fc.property(ipV6.chain(spelled), (address) => {
        const expected = ipaddr.IPv6.parse(address).toNormalizedString().split(':')
        expect(ipv6Groups(address)).toEqual(expected)
      }),
    )
  })
})

describe('what is no address', () => {
  const NONE = [
    '',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '010.0.0.1',
    '127.999.0.1',
    '8.8.8.8 ',
    '1.1.1',
    '[::1]',
  ]
  const NEARLY = ['::1%lo', 'fe80::1%eth0', ':::', '1:2:3', '::1]', '::1/128', '1.2.3.4:80', '::g', '12345::']

  it.each([...NONE, ...NEARLY])('%j is no public address, and has no groups', (text) => {
    expect([isPublicAddress(text), ipv6Groups(text)]).toEqual([false, undefined])
  })

  it('nothing that is written throws', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[0-9a-fx:.[\]%]{0,20}$/),
      fc.webUrl(),
    )
    fc.assert(
      fc.property(text, (host) => {
        if (!ipaddr.isValid(host)) expect(isPublicAddress(host)).toBe(false)
        expect(isLoopbackHost(host) && isPublicHost(host)).toBe(false)
      }),
    )
  })
})

/** As a URL names it: the parser reads octal, hexadecimal and short forms. */
const named = (host: string) => new URL(`http://${host}/`).hostname

describe('a host', () => {
  it.each([
    ...['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', 'a.b.localhost.', '127.0.0.1', '127.0.0.2'],
    ...['127.255.255.255', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:2]'],
    ...['0x7f.1', '0177.0.0.1', '2130706433', '127.1', '127.0.0.1.', '１２７.0.0.1'],
  ])('%s is this machine', (host) => {
    expect([isLoopbackHost(named(host)), isPublicHost(named(host))]).toEqual([true, false])
  })

  it.each([
    ...[
      '10.0.0.1',
      '192.168.1.1',
      '0.0.0.0',
      '169.254.169.254',
      '[::]',
      '[fd00::1]',
      '[fe80::1]',
      '012.0.0.1',
    ],
    ...[
      '[::ffff:10.0.0.1]',
      'printer.local',
      'db.internal',
      'router.home.arpa',
      'notes',
      'intranet.',
      '0xa000001',
    ],
  ])('%s is not this machine, and nobody else reaches it', (host) => {
    expect([isLoopbackHost(named(host)), isPublicHost(named(host))]).toEqual([false, false])
  })

  it.each([
    ...[
      'notes.example',
      'NOTES.example.',
      'localhost.example',
      '127.0.0.1.example',
      'local.example',
      '8.8.8.8',
    ],
    ...['[2606:4700::1111]', 'notlocalhost.example', 'xlocal.example', '134744072'],
  ])('%s is on the public Internet', (host) => {
    expect([isLoopbackHost(named(host)), isPublicHost(named(host))]).toEqual([false, true])
  })

  it('of a loopback redirect is one of three, and no other that leads to the same place', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '2130706433', 'LocalHost'])
      expect([host, isLoopbackRedirectHost(named(host))]).toEqual([host, true])
    for (const host of [
      '127.0.0.2',
      'app.localhost',
      'localhost.',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      '10.0.0.1',
    ])
      expect([host, isLoopbackRedirectHost(named(host))]).toEqual([host, false])
  })
})
