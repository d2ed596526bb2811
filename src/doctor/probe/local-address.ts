import { isPublicHost } from '../../base/host.ts'
import type { Failed } from './exchange.ts'

/** True for a name or address that only this machine or this network reaches. */
export function isLocal(url: URL): boolean {
  return !isPublicHost(url.hostname)
}

/** A public server that points at this machine or network must not make this program look there. */
export function mayLeadTo(start: URL, url: URL): boolean {
  return isLocal(start) || !isLocal(url)
}

/** In place of the exchange that did not take place. */
export function notAsked(method: string, url: string): Failed {
  const reason = 'it is an address of this machine or network, named by a server that is elsewhere'
  return { outcome: 'failed', method, url, duration_ms: 0, kind: 'other', reason }
}
