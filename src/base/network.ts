import { ipv6Groups } from './host.ts'

/**
 * Whom a rate counts against. One customer has all of an IPv6 /64, and whoever rents more has a /48: 65,536 of them. Of
 * IPv4 it is the address, which many people may share.
 */
export const UNKNOWN_NETWORK = 'unknown'

/** The IPv4 address, or the /64 of the IPv6 address. */
export function networkOf(ip: string | null | undefined): string {
  return networkWithin(ip, 4)
}

/** The IPv4 address, or the /48 of the IPv6 address. */
export function siteOf(ip: string | null | undefined): string {
  return networkWithin(ip, 3)
}

function networkWithin(ip: string | null | undefined, groups: 3 | 4): string {
  if (!ip) return UNKNOWN_NETWORK
  const all = ipv6Groups(ip)
  return all ? `${all.slice(0, groups).join(':')}::/${16 * groups}` : ip
}
