import Router from '@koa/router'
import type { Context } from 'koa'
import { currentPageSession, openPageSession, type SignedIn } from '../../accounts/sessions/page-sessions.ts'
import { endSession } from '../../accounts/sessions/sessions.ts'
import { basePath } from '../../http/base-path.ts'
import { assertSameOrigin } from '../../http/csrf.ts'
import { readForm } from '../../http/read-body.ts'
import { requestOrigin } from '../../http/request-context.ts'
import type { Page, PageDependencies, PageRoute } from '../page.ts'
import { redisplayOnInvalid, WITH_PASSWORD } from '../redisplay-on-invalid.ts'
import { signInByForm } from './password-form.ts'
import { clearSessionCookie, readSessionCookie, setSessionCookie } from './session-cookie.ts'

/** The page on which people sign in, and the cookie that they get. */
const HOME = '/account'

/** Where to go after signing in: a path of ours, or home. Never another host, however the address is spelled. */
export function returnPath(issuer: string, wanted: string | undefined): string {
  const home = basePath(issuer) + HOME
  if (wanted === undefined || !/^\/[A-Za-z0-9]/.test(wanted)) return home
  const url = URL.parse(wanted, issuer)
  if (!url || url.origin !== new URL(issuer).origin) return home
  const base = basePath(issuer)
  const is_page = ['/account', '/operator'].some(
    (path) => url.pathname === base + path || url.pathname.startsWith(`${base + path}/`),
  )
  return is_page ? url.pathname + url.search : home
}

function showSignIn({ render, issuer }: PageDependencies, ctx: Context, data: object): void {
  ctx.type = 'html'
  ctx.body = render('sign-in', { action: `${basePath(issuer)}/sign-in`, ...data })
}

/**
 * GET and POST /sign-in. There is no session yet that a form's token could be bound to: whoever makes somebody sign in
 * as another account is stopped by the origin.
 */
export function signInRoutes(dependencies: PageDependencies): Router {
  const { db, issuer } = dependencies
  const router = new Router({ sensitive: true })
  router.get('/sign-in', async (ctx) => {
    const return_to = returnPath(issuer, String(ctx.query.return_to ?? ''))
    if (await currentPageSession(db, readSessionCookie(ctx, issuer))) {
      ctx.status = 303
      return ctx.redirect(return_to)
    }
    showSignIn(dependencies, ctx, { return_to })
  })
  router.post('/sign-in', async (ctx) => submitSignIn(dependencies, ctx))
  return router
}

async function submitSignIn(dependencies: PageDependencies, ctx: Context): Promise<void> {
  const { issuer } = dependencies
  assertSameOrigin(ctx, new URL(issuer).origin)
  const form = await readForm(ctx)
  const return_to = returnPath(issuer, form.get('return_to'))
  const username = form.get('username') ?? ''
  const origin = requestOrigin(ctx)
  const letIn = async (account: SignedIn) => {
    const value = await openPageSession(dependencies, account, {
      ip: origin.ip,
      user_agent: ctx.get('user-agent'),
    })
    setSessionCookie(ctx, issuer, value)
    ctx.status = 303
    ctx.redirect(return_to)
  }
  const redisplay = (error: string) => showSignIn(dependencies, ctx, { return_to, username, error })
  const work = () => signInByForm(dependencies, ctx, form, { letIn })
  await redisplayOnInvalid({ ctx }, work, redisplay, WITH_PASSWORD)
}

/** Ends this session; its form's token ends with it. */
async function signOut(page: Page): Promise<void> {
  const { session, caller } = page
  await endSession(page, { kind: 'page', id: session.id, account_id: session.account_id }, caller)
  clearSessionCookie(page.ctx, page.issuer)
  page.goTo('/sign-in')
}

export const SIGN_OUT: PageRoute = { method: 'post', path: '/sign-out', needs: 'account', handle: signOut }
