import { terminalText } from './probe/terminal-text.ts'

/** What others wrote, made fit for a terminal: no control characters, no marks that turn text round, no secrets. */
const MAX_CHARACTERS = 200
const SECRETS: [RegExp, string][] = [
  [/\b(bearer|basic|dpop)\s+[\w.~+/=-]{8,}/gi, '$1 …'],
  [/\beyJ[\w-]{8,}(\.[\w-]*){0,4}/g, '…'],
  [/\btgp_\w+/g, '…'],
  [/\b((?:access_|refresh_|id_)?token|code|client_secret|password|assertion|api_?key)=[^\s&"';,]+/gi, '$1=…'],
  [
    /("(?:access_|refresh_|id_|registration_access_)?token"|"client_secret"|"password")\s*:\s*"[^"]*"/gi,
    '$1:"…"',
  ],
]

export function plainText(value: unknown, max = MAX_CHARACTERS): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const short = terminalText(text.slice(0, max * 4))
  const clean = SECRETS.reduce((rest, [secret, instead]) => rest.replace(secret, instead), short)
  return clean.length > max ? `${clean.slice(0, max)}…` : clean
}

/** A URL without what may be secret in it: who asks, and the values of its query. */
export function plainUrl(value: string): string {
  const url = URL.parse(value)
  if (!url) return plainText(value)
  url.username = url.password = url.hash = ''
  const query = [...url.searchParams.keys()].map((name) => `${encodeURIComponent(name)}=…`).join('&')
  url.search = ''
  return plainText(query === '' ? url.href : `${url.href}?${query}`)
}
