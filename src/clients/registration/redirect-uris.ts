import { isAppScheme } from './app-schemes.ts'
import { receiverOf } from './receiver.ts'

/** Which redirect URIs may be registered. RFC 8252, RFC 9700 §4.1. */
export const REDIRECT_URI_MAX_LENGTH = 2_048

/** RFC 3986 §2: a URI is ASCII. What else a parser would take, it changes. */
const NOT_URI = /[^\x21-\x7e]|[\\"<>^`{|}]/

/** Whether it is written as a parser writes it, but for case, a default port and the slash after a bare host. */
function isNormal(uri: string, url: URL): boolean {
  const { protocol, href } = url
  if (protocol !== 'http:' && protocol !== 'https:')
    return uri.slice(protocol.length) === href.slice(protocol.length)
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?]+)(.*)$/is.exec(uri) ?? []
  const default_port = protocol === 'https:' ? ':443' : ':80'
  const host = authority.toLowerCase()
  return (
    (host === url.host || host === url.host + default_port) &&
    authority !== '' &&
    (rest.startsWith('/') ? rest : `/${rest}`) === url.pathname + url.search
  )
}

/** Why a redirect URI may not be registered; undefined when it may. `app_schemes`: of apps that operators know besides. */
export function redirectUriFault(uri: unknown, app_schemes: readonly string[] = []): string | undefined {
  if (typeof uri !== 'string') return 'redirect_uris must be strings'
  if (uri.length > REDIRECT_URI_MAX_LENGTH) return 'a redirect URI is too long'
  if (NOT_URI.test(uri)) return 'a redirect URI has a space, or a character that no URI has (RFC 3986)'
  const url = URL.parse(uri)
  const receiver = receiverOf(uri)
  if (!url || !receiver) return 'a redirect URI is not an absolute URL'
  if (uri.includes('#')) return 'a redirect URI must not have a fragment'
  if (url.username || url.password) return 'a redirect URI must not have user information'
  if (uri.includes('*')) return 'a redirect URI must not have a wildcard'
  if (receiver.kind === 'app' && !isAppScheme(receiver.scheme.slice(0, -1), app_schemes))
    return `redirect URIs with the scheme ${receiver.scheme} are refused: an app's scheme is a domain name reversed, like com.example.app`
  if (url.protocol === 'http:' && receiver.kind !== 'loopback')
    return 'a redirect URI with http must be on localhost, 127.0.0.1 or [::1]; use https elsewhere'
  if (!isNormal(uri, url)) return 'a redirect URI is not in its normal form'
  return undefined
}
