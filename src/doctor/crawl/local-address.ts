import { isPublicHost } from '../../base/host.ts'

/** True for a name or address that only this machine or this network reaches. */
export function isLocal(url: URL): boolean {
  return !isPublicHost(url.hostname)
}

/** A public server that points at this machine or network must not make this program look there. */
export function mayLeadTo(start: URL, url: URL): boolean {
  return isLocal(start) || !isLocal(url)
}
