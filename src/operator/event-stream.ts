import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { eventDocument } from '../audit/export/json-lines.ts'
import type { EventFeed } from '../audit/live/event-feed.ts'
import { type FollowPosition, withPositions } from '../audit/live/follow-store.ts'
import type { AuditFilter } from '../audit/reading/audit-store.ts'
import { AppError } from '../errors.ts'

/** New events as they are committed, by server-sent events (WHATWG HTML §9.2). */
export type EventStream = {
  feed: EventFeed
  filter: AuditFilter
  position: FollowPosition
  /** Asked again while the stream is open; it ends when the answer is no. */
  mayGoOn: () => Promise<boolean>
}

const STREAMS_MAX = 32
const CHECK_MS = 15_000

/** Written as one chunk each, and read only as fast as the other side takes them. */
async function* chunks({ feed, filter, position, mayGoOn }: EventStream, signal: AbortSignal) {
  // At once, so that the other side sees that it is connected.
  yield ': connected\n\n'
  let checked_ms = performance.now()
  for await (const page of feed.follow(filter, position, signal)) {
    if (performance.now() - checked_ms > CHECK_MS) {
      if (!(await mayGoOn())) return
      checked_ms = performance.now()
    }
    // A comment, which keeps proxies from closing a silent connection.
    if (page.events.length === 0) yield ': no news\n\n'
    for (const { event, position } of withPositions(page.start, page.events))
      yield `id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(eventDocument(event))}\n\n`
  }
}

/** Answers with the stream. Ends with the connection, with the feed, and when `mayGoOn` says no. */
export function sendEventStream(ctx: Context, stream: EventStream): void {
  if (stream.feed.followers >= STREAMS_MAX)
    throw new AppError('unavailable', 'Too many follow the audit log of this process already')
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
