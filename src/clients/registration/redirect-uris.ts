import { isLoopbackRedirectHost } from '../../base/host.ts'

/** Rules for redirect URIs: which may be registered, and what kind each is. RFC 8252, RFC 9700 §4.1. */

/** Schemes that a browser or operating system would run, read or forward instead of handing to an app. */
const REFUSED_SCHEMES = new Set([
  'javascript:',
  'data:',
  'file:',
  'blob:',
  'vbscript:',
  'about:',
  'view-source:',
  'filesystem:',
  'mailto:',
  'ftp:',
  'ws:',
  'wss:',
  'tel:',
  'sms:',
  'intent:',
  'chrome:',
  'jar:',
  'ldap:',
  'ssh:',
])

export const REDIRECT_URI_MAX_LENGTH = 2_048

export function isLoopbackRedirect(uri: string): boolean {
  const url = URL.parse(uri)
  return url?.protocol === 'http:' && isLoopbackRedirectHost(url.hostname)
}

/** A scheme of the app's own, such as `cursor:` or `com.example.app:` (RFC 8252 §7.1). */
export function isPrivateUse(uri: string): boolean {
  const url = URL.parse(uri)
  return url !== null && url.protocol !== 'http:' && url.protocol !== 'https:'
}

/** True when only an app on a person's own device can receive at this address. */
export function isNative(uri: string): boolean {
  return isLoopbackRedirect(uri) || isPrivateUse(uri)
}

/** Where a code would go, as a person should read it: the host, or the scheme of an app. */
export function redirectHost(uri: string): string {
  const url = URL.parse(uri)
  if (!url) return 'unknown'
  return url.host === '' ? url.protocol : url.host
}

function hasControlCharacter(text: string): boolean {
  return /[\p{Cc}\s\\]/u.test(text) || !text.isWellFormed()
}

/** Why a redirect URI may not be registered; undefined when it may. */
export function redirectUriFault(uri: unknown): string | undefined {
  if (typeof uri !== 'string') return 'redirect_uris must be strings'
  if (uri.length > REDIRECT_URI_MAX_LENGTH) return 'a redirect URI is too long'
  if (hasControlCharacter(uri)) return 'a redirect URI has a space, backslash or control character'
  const url = URL.parse(uri)
  if (!url) return 'a redirect URI is not an absolute URL'
  if (uri.includes('#')) return 'a redirect URI must not have a fragment'
  if (url.username || url.password) return 'a redirect URI must not have user information'
  if (uri.includes('*')) return 'a redirect URI must not have a wildcard'
  if (REFUSED_SCHEMES.has(url.protocol)) return `redirect URIs with the scheme ${url.protocol} are refused`
  if (url.protocol === 'http:' && !isLoopbackRedirect(uri))
    return 'a redirect URI with http must be on localhost, 127.0.0.1 or [::1]; use https elsewhere'
  return undefined
}
