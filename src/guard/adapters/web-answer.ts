import type { AnswerWatch } from '../answers/answer-watch.ts'
import { CORS } from '../cors.ts'
import type { PlainAnswer } from './admission.ts'

export function plainResponse({ status, headers, body }: PlainAnswer): Response {
  return new Response(body, { status, headers })
}

/**
 * The same answer, with the CORS headers that it lacks, of which `watch` hears everything before it leaves. Nothing is
 * kept: a piece is asked for when the client takes it.
 * @param left aborted when the client goes away
 * @param cut aborted when the answer must end
 */
export function watchResponse(
  response: Response,
  watch: AnswerWatch,
  { left, cut }: { left: AbortSignal; cut: AbortSignal },
): Response {
  watch.begin(response.status, response.headers)
  // A switch of protocols has no body, and nobody may make a Response that says so.
  if (response.status < 200) {
    watch.end(true)
    return response
  }
  const { status, statusText, body } = response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(CORS)) if (!headers.has(name)) headers.set(name, value)
  if (body) whenAborted(left, () => watch.end(false))
  else watch.end(true)
  return new Response(body && watchBody(body, watch, cut), { status, statusText, headers })
}

function watchBody(
  body: ReadableStream<Uint8Array>,
  watch: AnswerWatch,
  cut: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  // A read that waits then answers that it is done.
  whenAborted(cut, () => void reader.cancel().catch(() => {}))
  const pieces: ConstructorParameters<typeof ReadableStream<Uint8Array>>[0] = {
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) {
          watch.write(value)
          return controller.enqueue(value)
        }
        watch.end(true)
        controller.close()
      } catch (error) {
        watch.end(false)
        controller.error(error)
      }
    },
    cancel(reason) {
      watch.end(false)
      return reader.cancel(reason)
    },
  }
  return new ReadableStream(pieces, { highWaterMark: 0 })
}

function whenAborted(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run()
  else signal.addEventListener('abort', run, { once: true })
}
