import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { AppError } from '../base/errors.ts'

/** Keeps tokens made here apart from every other use of the same key. */
const PURPOSE = 'toolgate csrf v1\0'

/** Methods that change nothing. RFC 9110 §9.2.1. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A token for a form, good only together with `binding` (the uid of an interaction, the id of a session). */
export function csrfToken(key: string, binding: string): string {
  return createHmac('sha256', key).update(PURPOSE).update(binding).digest('base64url')
}

/** Whether `token` was made for `binding`, in time that does not depend on where it differs. */
export function verifyCsrf(key: string, binding: string, token: string | undefined): boolean {
  const expected = Buffer.from(csrfToken(key, binding))
  const presented = Buffer.from(token ?? '')
  return presented.length === expected.length && timingSafeEqual(presented, expected)
}

/**
 * Refuses a request that changes something and that a browser sent from another origin: by Origin where it is given,
 * by Sec-Fetch-Site where that is. `origin` is the issuer. Requests of programs carry neither and pass.
 * Throws AppError forbidden.
 */
export function assertSameOrigin(ctx: Context, origin: string): void {
  if (SAFE_METHODS.has(ctx.method)) return
  const sent_origin = ctx.get('origin')
  const site = ctx.get('sec-fetch-site')
  // A page under `Referrer-Policy: no-referrer` sends `Origin: null` even to itself (Fetch, "append a request
  // Origin header"); only the browser's own word that it is the same origin makes up for that.
  const trusted_null = sent_origin === 'null' && site === 'same-origin'
  const foreign_origin = sent_origin !== '' && sent_origin !== origin && !trusted_null
  const foreign_site = site !== '' && site !== 'same-origin' && site !== 'none'
  if (foreign_origin || foreign_site) {
    throw new AppError(
      'forbidden',
      'This request was sent from another site. Open the page here and try again.',
    )
  }
}
