import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { AnswerWatch } from '../answers/answer-watch.ts'

/**
 * Tells `watch` of everything that goes out through `response`, before it does. Whatever it says goes on unchanged.
 * Needs a header that was set before: else Node keeps those of `writeHead` where nobody can read them.
 */
export function watchNodeAnswer(response: ServerResponse, watch: AnswerWatch): void {
  const { writeHead, write, end } = response

  const begin = () => {
    watch.begin(response.statusCode, {
      get: (name) => headerText(response.getHeader(name)),
    })
  }
  // Node comes by here for every head, also for one that nobody wrote. It leaves with the first piece, not yet now.
  response.writeHead = function writeWatchedHead(this: ServerResponse, ...args: unknown[]) {
    const written = writeHead.apply(this, args as never)
    begin()
    return written
  } as typeof writeHead
  response.write = function writeWatched(this: ServerResponse, chunk: unknown, ...rest: unknown[]) {
    begin()
    tellPiece(watch, chunk, rest[0])
    return write.apply(this, [chunk, ...rest] as never)
  } as typeof write
  response.end = function endWatched(this: ServerResponse, chunk?: unknown, ...rest: unknown[]) {
    begin()
    tellPiece(watch, chunk, rest[0])
    return end.apply(this, [chunk, ...rest] as never)
  } as typeof end
  response.once('close', () => watch.end(response.writableFinished))
}

function tellPiece(watch: AnswerWatch, chunk: unknown, encoding: unknown): void {
  if (chunk instanceof Uint8Array) watch.write(chunk)
  else if (typeof chunk === 'string')
    watch.write(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'))
}

function headerText(value: OutgoingHttpHeader | undefined): string | null {
  if (value === undefined) return null
  return Array.isArray(value) ? value.join(', ') : String(value)
}
