import { Readable } from 'node:stream'
import type { Context } from 'koa'

/** Answers that take long: as fast as the other side takes them, and for as long as the caller may have them. */
export type Reauthorization = {
  /** Asked again while the answer is under way; it ends when the answer is no. */
  isStillAuthorized: () => Promise<boolean>
  /** How often at most; 15 s when absent. */
  check_ms?: number | undefined
}

const CHECK_MS = 15_000

/** Begins with what was just found out. `passes` asks when it is time to, or at once. */
export function periodicCheck({ isStillAuthorized, check_ms = CHECK_MS }: Reauthorization) {
  let checked_ms = performance.now()
  return {
    async passes(at_once = false): Promise<boolean> {
      if (!at_once && performance.now() - checked_ms < check_ms) return true
      if (!(await isStillAuthorized())) return false
      checked_ms = performance.now()
      return true
    },
  }
}

/**
 * Answers with one chunk for each piece. Ends with the connection, and breaks it off when `pieces` throws, so that nobody
 * takes a part for the whole. `onGone` is called once, when the connection is closed.
 */
export function sendPieces(ctx: Context, pieces: AsyncIterable<string>, onGone: () => void): void {
  // Gone while it was found out who asks: nothing would ever say so again.
  if (ctx.res.closed) {
    onGone()
    return
  }
  const body = Readable.from(pieces, { objectMode: true, highWaterMark: 1 })
  // Not when the stream closes: it would wait for the generator, which may wait for news.
  ctx.res.once('close', onGone)
  body.on('error', () => ctx.res.destroy())
  ctx.set('Cache-Control', 'no-store')
  ctx.body = body
}

/** The same as server-sent events (WHATWG HTML §9.2). */
export function sendEvents(ctx: Context, events: AsyncIterable<string>, onGone: () => void): void {
  ctx.type = 'text/event-stream'
  // Or a proxy such as nginx would collect events.
  ctx.set('X-Accel-Buffering', 'no')
  sendPieces(ctx, afterComment(events), onGone)
}

/** At once, so that the other side sees that it is connected. */
async function* afterComment(events: AsyncIterable<string>): AsyncGenerator<string> {
  yield ': connected\n\n'
  yield* events
}

export type EventMessage = { event?: string; id?: string | undefined; data: unknown }

/** Without an `event` it is what browsers call a message. */
export function eventText({ event, id, data }: EventMessage): string {
  const fields = { event, id, data: JSON.stringify(data) }
  const lines = Object.entries(fields).map(([name, value]) =>
    value === undefined ? '' : `${name}: ${value}\n`,
  )
  return `${lines.join('')}\n`
}
