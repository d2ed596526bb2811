/**
 * What a host is: this machine (loopback), something that only this machine or network reaches, or a place on the public
 * Internet. Hosts are names or addresses as `URL.hostname` spells them, which also settles what `0x7f.1` is; brackets,
 * capitals and a final dot make no difference. Of no package: the guard asks too.
 */

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; the last one is the first as a socket of both families spells it. */
const LOOPBACK = ['127.0.0.0/8', '::1/128', '::ffff:127.0.0.0/104']

/** Special-use blocks of the IANA registries. Of IPv6, only global unicast (2000::/3) is left; of that not what embeds or tunnels other addresses. */
const SPECIAL_USE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  ...['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48'],
  '3fff::/20',
]

/** The names that RFC 6761 §6.3 keeps for this machine. */
const LOOPBACK_NAME = /^(?:.+\.)?localhost$/

/** Names without a dot are of this network; RFC 6762 §3, RFC 8375, and ICANN's `internal`. */
const LOCAL_NAME = /^[^.]+$|\.(?:localhost|local|internal|home\.arpa)$/

/** The three hosts of a loopback redirect (RFC 8252 §7.3, §8.3), and no other that leads to the same place. */
const LOOPBACK_REDIRECT = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a code may be sent there by http, for an app on the person's own device. */
export function isLoopbackRedirectHost(hostname: string): boolean {
  return LOOPBACK_REDIRECT.has(hostname)
}

/** Whether only this machine answers there. */
export function isLoopbackHost(host: string): boolean {
  const plain = plainHost(host)
  return LOOPBACK_NAME.test(plain) || isWithin(LOOPBACK, plain)
}

/** Whether others than this machine and its network may reach it. */
export function isPublicHost(host: string): boolean {
  const plain = plainHost(host)
  return bitsOf(plain) === undefined ? !LOCAL_NAME.test(plain) : isPublicAddress(plain)
}

/** True for an IP address on the public Internet. Anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  return bitsOf(address) !== undefined && !isWithin(SPECIAL_USE, address)
}

/** The eight groups of an IPv6 address, in hexadecimal without leading zeros; undefined for what is none, or has a zone. */
export function ipv6Groups(address: string): string[] | undefined {
  // The URL parser knows every spelling of one, and has one of its own.
  const url = /^[\da-f.]*:[\da-f:.]*$/i.test(address) ? URL.parse(`http://[${address}]`) : null
  if (!url) return undefined
  const [front = [], back] = url.hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter(Boolean))
  if (!back) return front
  return [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*:.*)\]$/, '$1')
    .replace(/\.$/, '')
}

/** The family and the bits of an IP address; undefined for what is none. */
function bitsOf(address: string): string | undefined {
  if (/^\d+(?:\.\d+){3}$/.test(address))
    // The URL parser makes something else of octal digits, and nothing of a number that is too large.
    return URL.parse(`http://${address}`)?.hostname === address
      ? `4${binary(address.split('.'), 10, 8)}`
      : undefined
  const groups = ipv6Groups(address)
  return groups && `6${binary(groups, 16, 16)}`
}

function binary(numbers: readonly string[], radix: number, width: number): string {
  return numbers.map((number) => Number.parseInt(number, radix).toString(2).padStart(width, '0')).join('')
}

function isWithin(blocks: readonly string[], address: string): boolean {
  const bits = bitsOf(address) ?? ''
  return blocks.some((block) => {
    const [start = '', length] = block.split('/')
    const prefix = bitsOf(start)?.slice(0, 1 + Number(length))
    return prefix !== undefined && bits.startsWith(prefix)
  })
}
