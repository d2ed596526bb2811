import { BlockList, isIP } from 'node:net'

/** Addresses that no document of somebody else may be fetched from: special-use blocks of the IANA registries. */
const REFUSED_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const

// Only global unicast (2000::/3) is left, and of that not what embeds or tunnels other addresses.
const REFUSED_V6 = [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const

// One list for each family: a list that has both checks IPv4 addresses in their IPv6 form too, against `::/3`.
const refused = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [address, prefix] of REFUSED_V4) refused.ipv4.addSubnet(address, prefix, 'ipv4')
for (const [address, prefix] of REFUSED_V6) refused.ipv6.addSubnet(address, prefix, 'ipv6')

/** True for an address on the public Internet. Anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  return !refused[family].check(address, family)
}
