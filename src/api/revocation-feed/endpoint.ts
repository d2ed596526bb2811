import type { Context, Middleware } from 'koa'
import { answerRefusal } from '../../authorization-server/outcomes/oauth-error.ts'
import { AppError } from '../../base/errors.ts'
import { refuseMethod } from '../../http/allowed-methods.ts'
import { eventText, periodicCheck, type Reauthorization, sendEvents } from '../../http/long-answer.ts'
import { OAUTH_FORM_LIMIT_BYTES, readForm } from '../../http/read-body.ts'
import { nameRoute, requestOrigin } from '../../http/request-context.ts'
import { INTROSPECTION_PATH } from '../introspection/endpoint.ts'
import type {
  ResourceServerSession,
  ResourceServerSessions,
} from '../introspection/resource-server-session.ts'
import type { ChangeFeed, Subscription } from './change-feed.ts'

export const CHANGES_PATH = `${INTROSPECTION_PATH}/changes`

export type ChangesDependencies = { changes: ChangeFeed; sessions: ResourceServerSessions }

type Listening = { subscription: Subscription } & Reauthorization

async function* news({ subscription, ...caller }: Listening): AsyncGenerator<string> {
  const check = periodicCheck(caller)
  for (;;) {
    const text = await subscription.mailbox.next()
    if (text === undefined) return
    // Now and then in any case: the event that says so may have been overlooked.
    if (!(await check.passes(subscription.wasChanged())))
      return yield eventText({ event: 'drop', data: { drop: 'all' } })
    yield text
  }
}

async function listen({ changes, sessions }: ChangesDependencies, ctx: Context): Promise<void> {
  const form = await readForm(ctx, { limit_bytes: OAUTH_FORM_LIMIT_BYTES })
  const session: ResourceServerSession = await sessions.open({
    authorization: ctx.get('authorization') || undefined,
    parameters: form,
    ...requestOrigin(ctx),
  })
  const subscription = await changes.subscribe(session, ctx.get('last-event-id'))
  const isStillAuthorized = () => sessions.stands(session)
  sendEvents(ctx, news({ subscription, isStillAuthorized }), subscription.leave)
}

/** Whatever keeps it from being answered now will pass; the other side asks about every call meanwhile. */
function unavailable(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('unavailable', 'Changes cannot be told now', { cause: error })
}

/**
 * POST /introspect/changes: what is taken away from tokens of the resource of whoever asks, by server-sent events, for
 * resource servers that keep answers. POST, so that they authenticate as they do at /introspect.
 */
export function changesEndpoint(dependencies: ChangesDependencies): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== CHANGES_PATH) return next()
    nameRoute(ctx, CHANGES_PATH)
    if (ctx.method !== 'POST') return refuseMethod(ctx, ['POST'])
    ctx.set('Cache-Control', 'no-store')
    try {
      await listen(dependencies, ctx)
    } catch (error) {
      answerRefusal(ctx, unavailable(error))
    }
  }
}
