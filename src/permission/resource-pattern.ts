/** The URIs of MCP resources that a scope opens: one exactly, or with one `*` at the end all that begin so. */

// Whoever reads below a wildcard must not come out above it, whatever the server makes of the rest of the URI.
const PLAIN_URI = /^[!-[\]-~]+$/
const CLIMBING = /%(?:2e|2f|5c|25|00)|(?:^|[/?#;])\.\.?(?=[/?#;]|$)/i

/** Whether the pattern opens exactly what reading this URI would read. Nothing is decoded, folded or resolved. */
export function opensResource(pattern: string, uri: string): boolean {
  if (!pattern.endsWith('*')) return pattern === uri
  const prefix = pattern.slice(0, -1)
  if (!uri.startsWith(prefix) || !PLAIN_URI.test(uri)) return false
  // The character before the rest belongs to it: `notes:` and `..` climbs as `/..` does.
  return !CLIMBING.test(`/${uri.slice(prefix.length)}`)
}

// RFC 3986: a scheme, and what follows it in the characters of URIs.
const URI = /^[a-z][a-z0-9+.-]*:[\w\-.~:/?#[\]@!$&'()+,;=%]*$/i
const URI_CHARS_MAX = 1024

/** Why `text` cannot name resources in a catalogue, with what to do; undefined when it can. */
export function patternFault(text: string): string | undefined {
  if (text.length > URI_CHARS_MAX) return `is longer than ${URI_CHARS_MAX} characters; shorten it`
  const is_wildcard = text.endsWith('*')
  const literal = is_wildcard ? text.slice(0, -1) : text
  if (!URI.test(literal)) return 'is not a URI, or has a * elsewhere than at its end; write it like notes://*'
  if (!is_wildcard) return undefined
  if (!/[/:]$/.test(literal))
    return 'has its * after neither / nor :, and would open names that only begin so'
  if (CLIMBING.test(literal)) return 'has . or .. before its *; write the path without them'
  return undefined
}
