import type { Knex } from 'knex'
import type { Middleware } from 'koa'
import { isEstablished } from '../../clients/client-store.ts'
import { isNative, receiverName } from '../../clients/registration/receiver.ts'
import type { Renderer } from '../../http/render.ts'
import { requestId } from '../../http/request-context.ts'
import type { EngineContext } from './audit-trail.ts'

type Sent = { client_id: string; receiver: string; href: string | undefined; error: string; why: string }

/**
 * The error that the engine is about to send to a web address before a person signed in, allowed or denied; undefined for
 * everything else. It sends by a redirect, or by a page whose form sends itself.
 */
function sentUnasked({ state, response, oidc }: EngineContext): Sent | undefined {
  const { authorization } = state
  if (!authorization || authorization.outcome === 'granted' || state.is_shown_to_person) return undefined
  if (oidc?.entities.Interaction?.result) return undefined
  const redirect_uri = String(oidc?.params?.redirect_uri)
  const href = response.get('Location') || undefined
  if (isNative(redirect_uri)) return undefined
  const { error, error_description } = authorization
  return {
    client_id: String(oidc?.client?.clientId),
    receiver: receiverName(redirect_uri),
    href,
    error,
    why: `${error}: ${error_description ?? error}`,
  }
}

const ALLOWED_NOTHING =
  'You have allowed nothing. Nobody here has allowed this app anything before, so it is for you to say whether you go on to it.'
const CANNOT_BE_GIVEN = {
  status: 400,
  title: 'This app asked for something that cannot be given',
  hint: ALLOWED_NOTHING,
}
const TOO_MUCH = {
  status: 503,
  title: 'Too many sign-ins begin at the moment',
  hint: `Try again in a minute. ${ALLOWED_NOTHING}`,
}

/**
 * No open redirect (RFC 9700 §4.11.2): what is sent unasked to a web address of a client that anybody may have registered is
 * a page with a link. Programs and apps of a person's own device get their errors as they expect them, and so does every
 * client that an operator added or that somebody here allowed before.
 */
export function heldRedirects({ db, render }: { db: Knex; render: Renderer }): Middleware {
  return async (ctx, next) => {
    await next()
    const sent = sentUnasked(ctx as EngineContext)
    if (!sent || (await isEstablished(db, sent.client_id))) return
    const words = sent.error === 'temporarily_unavailable' ? TOO_MUCH : CANNOT_BE_GIVEN
    ctx.remove('Location')
    ctx.status = words.status
    ctx.type = 'html'
    ctx.body = render('error', {
      ...words,
      detail: sent.why,
      ...(sent.href ? { link: { href: sent.href, text: `Go on to ${sent.receiver}` } } : {}),
      request_id: requestId(ctx),
    })
  }
}
