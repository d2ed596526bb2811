import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { eventFilter, pastEventFilter, searchAudit, withAccountId } from '../../actions/audit.ts'
import { EXPORT_FORMATS } from '../../audit/export/export.ts'
import { eventDocument } from '../../audit/export/json-lines.ts'
import type { EventFeed } from '../../audit/live/event-feed.ts'
import { validate } from '../../http/validate.ts'
import { sendEventStream, sendExport } from './audit-streams.ts'
import { type AuthenticationDependencies, authenticateOperator, stillAuthenticated } from './authenticate.ts'

/** What of the audit log is no document: new events as they come, and the log as a file. */
export type AuditRouteDependencies = AuthenticationDependencies & { feed: EventFeed }

const StreamQuery = z.strictObject(eventFilter)
/** What a file of events can be asked for by. */
export const ExportQuery = z.strictObject({
  ...pastEventFilter,
  format: z.enum(EXPORT_FORMATS).default('jsonl').describe('Of the lines'),
})
/** Both give what a search gives, so whoever may search may have them. */
const INTENT = { method: 'tools/call', name: searchAudit.name }

async function streamEvents(dependencies: AuditRouteDependencies, ctx: Context): Promise<void> {
  const { db, feed } = dependencies
  // This records the call, so that no stream begins with its own beginning.
  await authenticateOperator(dependencies, ctx, INTENT)
  await sendEventStream(ctx, {
    db,
    feed,
    filter: await withAccountId(db, validate(StreamQuery, { ...ctx.query })),
    tell: (events) => events.map((event) => ({ event: event.type, data: eventDocument(event) })),
    isStillAuthorized: () => stillAuthenticated(dependencies, ctx, INTENT),
  })
}

async function exportFile(dependencies: AuditRouteDependencies, ctx: Context): Promise<void> {
  await authenticateOperator(dependencies, ctx, INTENT)
  const { db } = dependencies
  const { format, ...filter } = await withAccountId(db, validate(ExportQuery, { ...ctx.query }))
  const isStillAuthorized = () => stillAuthenticated(dependencies, ctx, INTENT)
  sendExport(ctx, { db, format, filter, isStillAuthorized })
}

/** Adds the routes under /audit that come before those of the actions. */
export function auditRoutes(router: Router, dependencies: AuditRouteDependencies): void {
  router.get('/audit/events', async (ctx, next) => {
    ctx.vary('Accept')
    if (ctx.accepts('json', 'text/event-stream') === 'text/event-stream')
      return streamEvents(dependencies, ctx)
    return next()
  })
  router.get('/audit/export', (ctx) => exportFile(dependencies, ctx))
}
