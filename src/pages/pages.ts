import Router from '@koa/router'
import type { Context } from 'koa'
import { currentPageSession, type PageSession } from '../accounts/sessions/page-sessions.ts'
import type { Caller } from '../actions/action.ts'
import { operatorScopesOf } from '../api/operator-api/operator-resource.ts'
import { recordedBy } from '../audit/log/action-origin.ts'
import { AppError } from '../base/errors.ts'
import { basePath } from '../http/base-path.ts'
import { assertSameOrigin, csrfToken, verifyCsrf } from '../http/csrf.ts'
import { Form } from '../http/form.ts'
import { readForm } from '../http/read-body.ts'
import { requestOrigin, routeOf } from '../http/request-context.ts'
import { navigation } from './navigation.ts'
import type { Page, PageDependencies, PageRoute } from './page.ts'
import { readSessionCookie, setNotice, takeNotice } from './sign-in/session-cookie.ts'
import { distanceText, timeText } from './time-text.ts'

const EMPTY = new Form(new Map(), new Set())

/** Builds the routes: who is not signed in is asked to, who may not see the page is refused, and only then it is made. */
export function pageRoutes(dependencies: PageDependencies, routes: readonly PageRoute[]): Router {
  const router = new Router({ sensitive: true })
  for (const route of routes)
    router[route.method](route.path, (ctx: Context) => answer(dependencies, route, ctx))
  return router
}

async function answer(dependencies: PageDependencies, route: PageRoute, ctx: Context): Promise<void> {
  const { db, issuer } = dependencies
  const session = await currentPageSession(db, readSessionCookie(ctx, issuer))
  if (!session) return askToSignIn(ctx, issuer)
  const caller = callerOf(ctx, session)
  ctx.state.frame = frameOf(dependencies, ctx, session, caller)
  await assertMay(dependencies, route, ctx, session, caller)
  const form = route.method === 'post' ? await submittedForm(dependencies, route, ctx, session) : EMPTY
  await route.handle(pageOf(dependencies, ctx, session, caller, form))
}

/** A form cannot be sent again after signing in, so only a page that was asked for is come back to. */
function askToSignIn(ctx: Context, issuer: string): void {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD')
    throw new AppError('unauthenticated', 'You are signed out. Sign in and try again.')
  ctx.status = 303
  ctx.redirect(`${basePath(issuer)}/sign-in?${new URLSearchParams({ return_to: ctx.url })}`)
}

function callerOf(ctx: Context, { account_id, roles }: PageSession): Caller {
  return {
    actor: { kind: 'account', id: account_id },
    scopes: operatorScopesOf(roles),
    ...requestOrigin(ctx),
  }
}

async function assertMay(
  { audit }: PageDependencies,
  { needs }: PageRoute,
  ctx: Context,
  { account_id }: PageSession,
  caller: Caller,
): Promise<void> {
  if (needs === 'account' || caller.scopes.has(needs)) return
  await audit.append({
    type: 'operator.refused',
    ...recordedBy(caller),
    account_id,
    decision: 'denied',
    scope: needs,
    detail: { method: ctx.method, route: routeOf(ctx) },
  })
  throw new AppError('forbidden', `Your account may not do this: it needs a role with ${needs}.`)
}

async function submittedForm(
  { issuer, form_key }: PageDependencies,
  { lists, form_limit_bytes }: PageRoute,
  ctx: Context,
  session: PageSession,
): Promise<Form> {
  assertSameOrigin(ctx, new URL(issuer).origin)
  const limit = form_limit_bytes === undefined ? {} : { limit_bytes: form_limit_bytes }
  const form = await readForm(ctx, { multiple: lists ?? [], ...limit })
  if (!verifyCsrf(form_key, session.id, form.get('csrf')))
    throw new AppError('forbidden', 'This form was not sent from its own page. Go back and try again.')
  return form
}

/** What stands around every page of somebody who is signed in, errors included. */
function frameOf(
  { issuer, form_key }: PageDependencies,
  ctx: Context,
  session: PageSession,
  { scopes }: Caller,
): object {
  const href = (path: string) => basePath(issuer) + path
  return {
    csrf: csrfToken(form_key, session.id),
    signed_in: session.username,
    scopes,
    nav: navigation(scopes, ctx.path, href),
    href,
    timeText,
    distanceText,
  }
}

function pageOf(
  dependencies: PageDependencies,
  ctx: Context,
  session: PageSession,
  caller: Caller,
  form: Form,
): Page {
  const { issuer, render } = dependencies
  const href = (path: string) => basePath(issuer) + path
  return {
    ...dependencies,
    ctx,
    session,
    caller,
    form,
    href,
    show(view, data) {
      ctx.type = 'html'
      ctx.body = render(view, { ...ctx.state.frame, notice: takeNotice(ctx, issuer), ...data })
    },
    goTo(path, notice) {
      if (notice !== undefined) setNotice(ctx, issuer, notice)
      ctx.status = 303
      ctx.redirect(href(path))
    },
  }
}
