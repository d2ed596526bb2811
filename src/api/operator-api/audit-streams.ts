import type { Knex } from 'knex'
import type { Context } from 'koa'
import { type ExportFormat, exportEvents } from '../../audit/export/export.ts'
import type { EventFeed } from '../../audit/live/event-feed.ts'
import {
  type FollowPosition,
  followFromNow,
  readPosition,
  withPositions,
} from '../../audit/live/follow-store.ts'
import type { AuditFilter } from '../../audit/query/audit-filter.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import {
  type EventMessage,
  eventText,
  periodicCheck,
  type Reauthorization,
  sendEvents,
  sendPieces,
} from '../../http/long-answer.ts'

/** What of the audit log is no document: new events as they are committed, and what matches as a file. */
type Streamed = { db: Knex; filter: AuditFilter } & Reauthorization

export type EventStream = Streamed & {
  feed: EventFeed
  /** What the other side is told of each of these events. */
  tell: (events: readonly AuditRow[]) => Promise<EventMessage[]> | EventMessage[]
}

const STREAMS_MAX = 32

async function* told(
  { feed, filter, tell, ...caller }: EventStream,
  position: FollowPosition,
  gone: AbortSignal,
): AsyncGenerator<string> {
  const check = periodicCheck(caller)
  for await (const page of feed.follow(filter, position, gone)) {
    if (!(await check.passes())) return
    // A comment, which keeps proxies from closing a silent connection.
    if (page.events.length === 0) yield ': no news\n\n'
    const messages = page.events.length === 0 ? [] : await tell(page.events)
    for (const [index, { position: id }] of [...withPositions(page.start, page.events)].entries())
      yield eventText({ data: null, ...messages[index], id })
  }
}

/**
 * Answers with the events from now on, or behind the one that the other side had last. Ends with the connection, with
 * the feed, and when the caller is no longer authorized.
 */
export async function sendEventStream(ctx: Context, stream: EventStream): Promise<void> {
  if (stream.feed.followers >= STREAMS_MAX)
    throw new AppError('unavailable', 'Too many follow the audit log of this process already')
  const last = ctx.get('last-event-id')
  const position = last === '' ? await followFromNow(stream.db) : readPosition(last)
  const gone = new AbortController()
  sendEvents(ctx, told(stream, position, gone.signal), () => gone.abort())
}

/** Each keeps a connection to the database busy. */
const EXPORTS_MAX = 3

const MEDIA_TYPES: Record<ExportFormat, { type: string; extension: string }> = {
  jsonl: { type: 'application/jsonl; charset=utf-8', extension: 'jsonl' },
  csv: { type: 'text/csv; charset=utf-8; header=present', extension: 'csv' },
  ocsf: { type: 'application/jsonl; charset=utf-8', extension: 'ocsf.jsonl' },
  syslog: { type: 'text/plain; charset=utf-8', extension: 'log' },
}

let under_way = 0

export type ExportStream = Streamed & { format: ExportFormat }

async function* exported({ db, format, filter, ...caller }: ExportStream): AsyncGenerator<string> {
  const check = periodicCheck(caller)
  for await (const { text } of exportEvents(db, format, filter)) {
    // An end in order would say that this was all.
    if (!(await check.passes())) throw new AppError('forbidden', 'No longer authorized')
    yield text
  }
}

/**
 * A file to keep, oldest events first, however much it is. Throws `unavailable` while as many as may be are under way.
 */
export function sendExport(ctx: Context, stream: ExportStream): void {
  if (under_way >= EXPORTS_MAX)
    throw new AppError('unavailable', 'The audit log is being exported already. Try again later.')
  under_way += 1
  const { type, extension } = MEDIA_TYPES[stream.format]
  ctx.set('Content-Type', type)
  ctx.set('Content-Disposition', `attachment; filename="toolgate-audit.${extension}"`)
  sendPieces(ctx, exported(stream), () => {
    under_way -= 1
  })
}
