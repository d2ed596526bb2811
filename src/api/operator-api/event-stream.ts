import { Readable } from 'node:stream'
import type { Context } from 'koa'
import type { EventFeed } from '../../audit/live/event-feed.ts'
import { type FollowPosition, withPositions } from '../../audit/live/follow-store.ts'
import type { AuditFilter } from '../../audit/query/audit-filter.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import { type Leave, PeriodicCheck } from './periodic-check.ts'

/** New events as they are committed, by server-sent events (WHATWG HTML §9.2). */
export type EventStream = {
  feed: EventFeed
  filter: AuditFilter
  position: FollowPosition
  /** What the other side is told of each of these events. */
  tell: (events: readonly AuditRow[]) => Promise<Message[]> | Message[]
} & Leave

/** Without a name it is what browsers call a message. */
export type Message = { name?: string; data: unknown }

const STREAMS_MAX = 32

/** Written as one chunk each, and read only as fast as the other side takes them. */
async function* chunks({ feed, filter, position, tell, ...leave }: EventStream, signal: AbortSignal) {
  // At once, so that the other side sees that it is connected.
  yield ': connected\n\n'
  const check = new PeriodicCheck(leave)
  for await (const page of feed.follow(filter, position, signal)) {
    if (!(await check.passes())) return
    // A comment, which keeps proxies from closing a silent connection.
    if (page.events.length === 0) yield ': no news\n\n'
    const told = page.events.length === 0 ? [] : await tell(page.events)
    for (const [index, { position }] of [...withPositions(page.start, page.events)].entries())
      yield `id: ${position}\n${text(told[index])}\n\n`
  }
}

function text({ name, data }: Message = { data: null }): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}`
}

/** Answers with the stream. Ends with the connection, with the feed, and when `mayGoOn` says no. */
export function sendEventStream(ctx: Context, stream: EventStream): void {
  if (stream.feed.followers >= STREAMS_MAX)
    throw new AppError('unavailable', 'Too many follow the audit log of this process already')
  // Gone while it was found out who asks: nothing would ever say so again.
  if (ctx.res.closed) return
  const gone = new AbortController()
  const body = Readable.from(chunks(stream, gone.signal), { objectMode: true, highWaterMark: 1 })
  // Not when the stream closes: it would wait for the generator, which waits for news.
  ctx.res.on('close', () => gone.abort())
  // The headers have left; all that is left to say is that it ends, and the other side connects again.
  body.on('error', () => ctx.res.destroy())
  ctx.type = 'text/event-stream'
  ctx.set('Cache-Control', 'no-store')
  // Or a proxy such as nginx would collect events.
  ctx.set('X-Accel-Buffering', 'no')
  ctx.body = body
}
