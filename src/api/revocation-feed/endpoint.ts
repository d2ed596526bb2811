import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import { AppError } from '../../base/errors.ts'
import { refuseMethod } from '../../http/allowed-methods.ts'
import { readForm } from '../../http/read-body.ts'
import { requestOrigin } from '../../http/request-context.ts'
import { answerError, CHALLENGE, INTROSPECTION_PATH } from '../introspection/endpoint.ts'
import { BODY_LIMIT_BYTES } from '../introspection/question.ts'
import type {
  ResourceServerSession,
  ResourceServerSessions,
} from '../introspection/resource-server-session.ts'
import type { ChangeFeed, Subscription } from './change-feed.ts'

export const CHANGES_PATH = `${INTROSPECTION_PATH}/changes`

export type ChangesDependencies = { changes: ChangeFeed; sessions: ResourceServerSessions }

/** In case that the event was overlooked that says so. */
const CHECK_MS = 15_000

type Listening = { subscription: Subscription; mayGoOn: () => Promise<boolean> }

/** One piece each, made only when the other side has taken the one before. */
async function* pieces({ subscription, mayGoOn }: Listening): AsyncGenerator<string> {
  let checked_ms = performance.now()
  // At once, so that the other side sees that it is connected.
  yield ': connected\n\n'
  for (;;) {
    const text = await subscription.mailbox.next()
    if (text === undefined) return
    if (subscription.wasChanged() || performance.now() - checked_ms >= CHECK_MS) {
      if (!(await mayGoOn())) return yield 'event: drop\ndata: {"drop":"all"}\n\n'
      checked_ms = performance.now()
    }
    yield text
  }
}

function sendFeed(ctx: Context, listening: Listening): void {
  const { leave } = listening.subscription
  // Gone while it was found out who asks: nothing would ever say so again.
  if (ctx.res.closed) {
    leave()
    return
  }
  const body = Readable.from(pieces(listening), { objectMode: true, highWaterMark: 1 })
  ctx.res.on('close', leave)
  // The headers have left; all that is left to say is that it ends, and the other side connects again.
  body.on('error', () => ctx.res.destroy())
  ctx.type = 'text/event-stream'
  // Or a proxy such as nginx would collect events.
  ctx.set('X-Accel-Buffering', 'no')
  ctx.body = body
}

async function listen({ changes, sessions }: ChangesDependencies, ctx: Context): Promise<void> {
  const form = await readForm(ctx, { limit_bytes: BODY_LIMIT_BYTES })
  const session: ResourceServerSession = await sessions.open({
    authorization: ctx.get('authorization') || undefined,
    parameters: form,
    ...requestOrigin(ctx),
  })
  const subscription = await changes.subscribe(session, ctx.get('last-event-id'))
  sendFeed(ctx, { subscription, mayGoOn: () => sessions.stands(session) })
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
    if (ctx.method !== 'POST') return refuseMethod(ctx, ['POST'])
    ctx.set('Cache-Control', 'no-store')
    try {
      await listen(dependencies, ctx)
    } catch (error) {
      answerError(ctx, unavailable(error))
    }
    if (ctx.status === 401) ctx.set('WWW-Authenticate', CHALLENGE)
  }
}
