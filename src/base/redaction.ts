/**
 * What looks like a bearer secret of this server: 43 characters of base64url with both cases, as tokens, codes, client
 * secrets and cookies are (the chance that one of them has a single case is below 10^-9); a personal access token or an
 * operator token by its prefix; a JWT. SHA-256 digests look the same, so that they are named where they may stand.
 */
const SECRET =
  /(?<![\w-])(?:tg[op]_[\w-]{20,}|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43})(?![\w-])/g

const SHORTEST = 24

/** The text with `[secret]` in place of whatever looks like a bearer secret: people paste them anywhere. */
export function withoutSecrets(text: string): string {
  return text.length < SHORTEST ? text : text.replace(SECRET, '[secret]')
}
