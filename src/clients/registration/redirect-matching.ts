import { isLoopbackRedirectHost } from '../../base/host.ts'

/**
 * Which presented redirect URI counts as a registered one: exactly equal, except for loopback (RFC 8252 §7.3). Read as it
 * is written, since a URL parser would make equal what is not.
 */
const HTTP = /^http:\/\/([a-z\d.]+|\[[\da-f:]+\])(?::(\d{1,5}))?(\/[^#\\]*)?$/i

/** What of a loopback URI must be equal: everything after the port. Undefined for any other URI. */
function afterLoopbackPort(uri: string): string | undefined {
  const [, host = '', port = '80', rest = '/'] = HTTP.exec(uri) ?? []
  if (!isLoopbackRedirectHost(host.toLowerCase()) || Number(port) > 65_535 || /[\p{Cc}\s]/u.test(uri))
    return undefined
  return rest
}

/**
 * True when `presented` is registered. For native clients a loopback URI may name any port and any of the three
 * names of the loopback interface: apps pick a free port, and releases of one app differ in the name they use.
 */
export function isRegisteredRedirectUri(
  presented: string,
  registered: readonly string[],
  application_type: string | undefined,
): boolean {
  if (registered.includes(presented)) return true
  const rest = application_type === 'native' ? afterLoopbackPort(presented) : undefined
  return rest !== undefined && registered.some((uri) => afterLoopbackPort(uri) === rest)
}
