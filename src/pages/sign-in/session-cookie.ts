import type { Context } from 'koa'
import { SESSION_TTL_SECONDS } from '../../accounts/sessions/page-sessions.ts'
import { basePath } from '../../http/base-path.ts'
import { KNOWN_BROWSER_SECONDS } from '../../sign-in/known-browser.ts'

/**
 * Cookies of the pages. Their prefixes make the browser refuse what another host or an insecure page would plant
 * (RFC 6265bis §4.1.3). Lax and not Strict, so that a link in a message opens a page of somebody who is signed in.
 */
function nameOf(issuer: string, name: string): string {
  if (!issuer.startsWith('https://')) return `toolgate_${name}`
  return basePath(issuer) === '' ? `__Host-toolgate_${name}` : `__Secure-toolgate_${name}`
}

function setCookie(ctx: Context, issuer: string, name: string, value: string, max_age_seconds: number): void {
  const secure = issuer.startsWith('https://') ? '; Secure' : ''
  ctx.append(
    'Set-Cookie',
    `${nameOf(issuer, name)}=${value}; Path=${basePath(issuer) || '/'}; Max-Age=${max_age_seconds}; HttpOnly; SameSite=Lax${secure}`,
  )
}

export function readSessionCookie(ctx: Context, issuer: string): string | undefined {
  return ctx.cookies.get(nameOf(issuer, 'session'), { signed: false })
}

export function setSessionCookie(ctx: Context, issuer: string, value: string): void {
  setCookie(ctx, issuer, 'session', value, SESSION_TTL_SECONDS)
}

export function clearSessionCookie(ctx: Context, issuer: string): void {
  setCookie(ctx, issuer, 'session', '', 0)
}

export function readKnownBrowser(ctx: Context, issuer: string): string | undefined {
  return ctx.cookies.get(nameOf(issuer, 'known'), { signed: false })
}

/** Outlives signing out: it says nothing but that somebody signed in here before. */
export function setKnownBrowser(ctx: Context, issuer: string, value: string): void {
  setCookie(ctx, issuer, 'known', value, KNOWN_BROWSER_SECONDS)
}

const NOTICE_SECONDS = 60
const NOTICE_MAX = 300

/** One sentence for the next page; shown as text, so whoever could plant it could only make the person read it. */
export function setNotice(ctx: Context, issuer: string, notice: string): void {
  const value = Buffer.from(notice.slice(0, NOTICE_MAX)).toString('base64url')
  setCookie(ctx, issuer, 'notice', value, NOTICE_SECONDS)
}

/** What the page before left to be said; it is said once. */
export function takeNotice(ctx: Context, issuer: string): string | undefined {
  const value = ctx.cookies.get(nameOf(issuer, 'notice'), { signed: false })
  if (!value) return undefined
  setCookie(ctx, issuer, 'notice', '', 0)
  return Buffer.from(value, 'base64url').toString('utf8').slice(0, NOTICE_MAX)
}
