/** Which presented redirect URI counts as a registered one. Exactly equal, except for loopback (RFC 8252 §7.3). */
const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?(\/[^#\\]*)?$/i

/** What of a loopback URI must be equal: everything after the port. Undefined for any other URI. */
function afterLoopbackPort(uri: string): string | undefined {
  const match = LOOPBACK.exec(uri)
  if (!match || Number(match[1] ?? 80) > 65_535 || /[\p{Cc}\s]/u.test(uri)) return undefined
  return match[2] ?? '/'
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
