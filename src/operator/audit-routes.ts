import type Router from '@koa/router'
import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { z } from 'zod'
import { auditTypeSchema, DECISIONS } from '../audit/audit-event.ts'
import { eventDocument } from '../audit/export/json-lines.ts'
import type { EventFeed } from '../audit/live/event-feed.ts'
import { followFromNow, readPosition } from '../audit/live/follow-store.ts'
import { pageEvents } from '../audit/reading/audit-store.ts'
import { pageOfCallers } from '../audit/reading/callers-store.ts'
import { tellStory } from '../audit/story/story.ts'
import { storyDocument } from '../audit/story/story-document.ts'
import { subjectOf } from '../audit/story/story-subject.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { validate } from '../http/validate.ts'
import { stillAuthenticated } from './authenticate.ts'
import { sendEventStream } from './event-stream.ts'

/** The audit log for programs: pages, new events as they come, stories, and who called a tool. */
export type AuditRouteDependencies = { db: Knex; feed: EventFeed; catalogues: CatalogueCache }

const text = z
  .string()
  .min(1)
  .max(2_048)
  .refine(
    (value) => value.isWellFormed() && !value.includes('\0'),
    'has characters that nothing recorded has',
  )
const time = z.iso.datetime({ offset: true }).transform((value) => new Date(value))
const limit = z.coerce.number().int().min(1).max(1_000).default(100)
const period = { from: time.optional(), to: time.optional() }
const filter = {
  type: auditTypeSchema.optional(),
  account_id: text.optional(),
  client_id: text.optional(),
  grant_id: text.optional(),
  token_id: text.optional(),
  tool: text.optional(),
  resource: text.optional(),
  decision: z.enum(DECISIONS).optional(),
  request_id: text.optional(),
}
const EventsQuery = z.strictObject({ ...filter, ...period, limit, after: text.optional() })
const StreamQuery = z.strictObject(filter)
const StoryQuery = z.strictObject({ ...period, limit, all: z.enum(['true', 'false']).optional() })
const CallersQuery = z.strictObject({ tool: text, ...period })

const WEEK_MS = 7 * 86_400_000

async function streamEvents({ db, feed }: AuditRouteDependencies, ctx: Context): Promise<void> {
  const wanted = validate(StreamQuery, { ...ctx.query })
  const last = ctx.get('last-event-id')
  const position = last === '' ? await followFromNow(db) : readPosition(last)
  sendEventStream(ctx, { feed, filter: wanted, position, mayGoOn: () => stillAuthenticated(db, ctx) })
}

async function pageStory({ db, catalogues }: AuditRouteDependencies, ctx: Context): Promise<unknown> {
  const { limit, all, from, to } = validate(StoryQuery, { ...ctx.query })
  const subject = await subjectOf(db, validate(text, ctx.params.id), { ids_only: true })
  const entries: Record<string, unknown>[] = []
  let continue_from: Date | undefined
  for await (const entry of tellStory({ db, catalogues }, subject, { from, to, all: all === 'true' })) {
    if (entries.length === limit) {
      continue_from = entry.kind === 'event' ? entry.event.occurred_at : entry.from
      break
    }
    entries.push(storyDocument(entry))
  }
  const { kind } = subject
  return { kind, entries, ...(continue_from && { continue_from }) }
}

/** Adds the routes under /audit. */
export function auditRoutes(
  router: Router,
  dependencies: AuditRouteDependencies,
  authenticated: Middleware,
): void {
  const { db } = dependencies
  router.get('/audit/events', authenticated, async (ctx) => {
    ctx.vary('Accept')
    if (ctx.accepts('json', 'text/event-stream') === 'text/event-stream')
      return streamEvents(dependencies, ctx)
    const { limit, ...wanted } = validate(EventsQuery, { ...ctx.query })
    const { events, next } = await pageEvents(db, wanted, limit)
    ctx.body = { events: events.map(eventDocument), ...(next === undefined ? {} : { next }) }
  })
  router.get('/audit/story/:id', authenticated, async (ctx) => {
    ctx.body = await pageStory(dependencies, ctx)
  })
  router.get('/audit/callers', authenticated, async (ctx) => {
    const { tool, to, from = new Date(Date.now() - WEEK_MS) } = validate(CallersQuery, { ...ctx.query })
    ctx.body = await pageOfCallers(db, { tool, from, to })
  })
}
