import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * A browser in which somebody signed in to an account before, by a cookie that opens nothing: it only has a limit and a
 * place in the line of its own, so that strangers who guess at the account do not keep its owner out. It has one entry for each
 * account, `id.expiry.mac`, which does not say which account that is.
 */
export const KNOWN_BROWSER_SECONDS = 180 * 24 * 60 * 60

const ENTRIES_MAX = 5
const ENTRY = /^(?<id>[A-Za-z0-9_-]{16})\.(?<expires>[0-9a-z]{1,8})\.(?<mac>[A-Za-z0-9_-]{43})$/

function macOf(secret: string, username: string, id: string, expires: string): string {
  const said = JSON.stringify(['known browser', username, id, expires])
  return createHmac('sha256', secret).update(said).digest('base64url')
}

function entriesOf(cookie: string | undefined): string[] {
  const entries = (cookie ?? '').slice(0, 1_024).split('~')
  return entries.filter((entry) => ENTRY.test(entry)).slice(0, ENTRIES_MAX)
}

function idWithin(entry: string, secret: string, username: string, now_seconds: number): string | undefined {
  const { id = '', expires = '', mac = '' } = ENTRY.exec(entry)?.groups ?? {}
  const is_ours = timingSafeEqual(Buffer.from(macOf(secret, username, id, expires)), Buffer.from(mac))
  return is_ours && Number.parseInt(expires, 36) > now_seconds ? id : undefined
}

/** The id of this browser, when it signed in to the account of this name before; `username` as it is looked up. */
export function knownBrowser(
  secret: string,
  cookie: string | undefined,
  username: string,
  now_seconds: number = Date.now() / 1_000,
): string | undefined {
  for (const entry of entriesOf(cookie)) {
    const id = idWithin(entry, secret, username, now_seconds)
    if (id !== undefined) return id
  }
  return undefined
}

/** The cookie after signing in to that account: its entry first, as new as can be, then those of others. */
export function rememberBrowser(
  secret: string,
  cookie: string | undefined,
  username: string,
  now_seconds: number = Date.now() / 1_000,
): string {
  const id = knownBrowser(secret, cookie, username, now_seconds) ?? randomBytes(12).toString('base64url')
  const expires = Math.floor(now_seconds + KNOWN_BROWSER_SECONDS).toString(36)
  const own = `${id}.${expires}.${macOf(secret, username, id, expires)}`
  const others = entriesOf(cookie).filter((entry) => !entry.startsWith(`${id}.`))
  return [own, ...others].slice(0, ENTRIES_MAX).join('~')
}
