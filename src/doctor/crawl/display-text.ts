/** What another server wrote, made fit to be shown: it steers no terminal, ends, and has no secrets in it. */
// Control characters steer terminals; format characters are invisible or change the direction of what follows.
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const MAX_CHARACTERS = 200

/** What looks like a secret. */
const SECRETS: [RegExp, string][] = [
  // A challenge has the same scheme, and parameters in the place of the secret.
  [/\b(bearer|basic|dpop)\s+(?!(?:realm|scope|error|resource_metadata)=")[\w.~+/=-]{8,}/gi, '$1 …'],
  [/\beyJ[\w-]{8,}(\.[\w-]*){0,4}/g, '…'],
  [/\btgp_\w+/g, '…'],
  [/\b((?:access_|refresh_|id_)?token|code|client_secret|password|assertion|api_?key)=[^\s&"';,]+/gi, '$1=…'],
  [
    /("(?:access_|refresh_|id_|registration_access_)?token"|"client_secret"|"password")\s*:\s*"[^"]*"/gi,
    '$1:"…"',
  ],
]

/** A `�` in place of what steers a terminal, hides, or turns text round. */
export function terminalText(text: string): string {
  return text.toWellFormed().replace(UNFIT, '�')
}

/**
 * @param secrets what must not be shown, beside what looks like a secret
 * @param max longest text in characters; what is longer ends with `…`
 */
export function displayText(value: unknown, secrets: Iterable<string> = [], max = MAX_CHARACTERS): string {
  let text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[a token]')
  // No regular expression sees more than a few lines.
  const short = terminalText(text.slice(0, max * 4))
  const clean = SECRETS.reduce((rest, [secret, instead]) => rest.replace(secret, instead), short)
  return clean.length > max ? `${clean.slice(0, max)}…` : clean
}

/** A URL without what may be secret in it: the user, and the values of its query. */
export function displayUrl(value: string): string {
  const url = URL.parse(value)
  if (!url) return displayText(value)
  url.username = url.password = url.hash = ''
  const query = [...url.searchParams.keys()].map((name) => `${encodeURIComponent(name)}=…`).join('&')
  url.search = ''
  return displayText(query === '' ? url.href : `${url.href}?${query}`)
}
