import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import type { EventFeed } from '../audit/live/event-feed.ts'
import { followFromNow, readPosition } from '../audit/live/follow-store.ts'
import { validate } from '../http/validate.ts'
import { eventFilter, searchAudit } from './actions/audit.ts'
import { type AuthenticationDependencies, authenticateOperator, stillAuthenticated } from './authenticate.ts'
import { sendEventStream } from './event-stream.ts'

/** What of the audit log is no document: new events as they come. */
export type AuditRouteDependencies = AuthenticationDependencies & { feed: EventFeed }

const StreamQuery = z.strictObject(eventFilter)
const INTENT = { method: 'tools/call', name: searchAudit.name }

async function streamEvents(dependencies: AuditRouteDependencies, ctx: Context): Promise<void> {
  const { db, feed } = dependencies
  await authenticateOperator(dependencies, ctx, INTENT)
  const wanted = validate(StreamQuery, { ...ctx.query })
  const last = ctx.get('last-event-id')
  const position = last === '' ? await followFromNow(db) : readPosition(last)
  const mayGoOn = () => stillAuthenticated(dependencies, ctx, INTENT)
  sendEventStream(ctx, { feed, filter: wanted, position, mayGoOn })
}

/** Adds the routes under /audit that come before those of the actions. */
export function auditRoutes(router: Router, dependencies: AuditRouteDependencies): void {
  router.get('/audit/events', async (ctx, next) => {
    ctx.vary('Accept')
    if (ctx.accepts('json', 'text/event-stream') === 'text/event-stream')
      return streamEvents(dependencies, ctx)
    return next()
  })
}
