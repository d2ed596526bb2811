import type { Knex } from 'knex'
import type { Middleware } from 'koa'
import { isEstablished } from '../../clients/client-store.ts'
import { receiverOf } from '../../clients/registration/receiver.ts'
import type { Renderer } from '../../http/render.ts'
import { requestId } from '../../http/request-context.ts'
import type { EngineContext } from './audit-trail.ts'

/**
 * No open redirect (RFC 9700 §4.11.2): an error of /authorize, before any person acted, towards a web address of a client that
 * anybody may have registered, is a page with a link. Programs and apps of a person's own device get their errors as they
 * expect them, and so does every client that an operator added or that somebody here allowed before.
 */
export function heldRedirects({ db, render }: { db: Knex; render: Renderer }): Middleware {
  return async (ctx, next) => {
    await next()
    if (ctx.path !== '/authorize' || ctx.state.authorization?.outcome === undefined) return
    if (ctx.state.authorization.outcome === 'granted') return
    const { client_id, redirect_uri } = (ctx as EngineContext).oidc?.params ?? {}
    if (typeof client_id !== 'string' || typeof redirect_uri !== 'string') return
    const target = ctx.response.get('Location')
    const is_sent = target !== '' || ctx.status < 400
    const receiver = receiverOf(redirect_uri)
    if (!is_sent || receiver?.kind !== 'web' || (await isEstablished(db, client_id))) return
    const { error, error_description } = ctx.state.authorization
    ctx.remove('Location')
    ctx.status = 400
    ctx.type = 'html'
    ctx.body = render('error', {
      status: 400,
      title: 'This app asked for something that cannot be given',
      detail: `${error}: ${error_description ?? error}`,
      hint: 'You have allowed nothing. Nobody here has used this app before, so you are not sent on to it without a word.',
      ...(URL.parse(target)?.protocol === 'https:'
        ? { link: { href: target, text: `Go on to ${receiver.host}` } }
        : {}),
      request_id: requestId(ctx),
    })
  }
}
