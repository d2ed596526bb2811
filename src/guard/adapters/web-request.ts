import { hasEscapedName } from '../../base/json.ts'
import type { Guard } from '../guard.ts'
import { type Connection, type GuardedRequest, isLong, readText, UNPROVEN_BYTES } from '../guarded-request.ts'
import { readJson } from '../json-text.ts'
import { badMessage } from '../refusal.ts'
import { type Admission, admitRequest, failureAnswer } from './admission.ts'

/** A request of the Fetch standard that was decided, and the same with a body that the handler can read. */
export type WebAdmission = Admission & { request: Request }

/**
 * Admits a request of the Fetch standard.
 * @param readBefore gives the text of the body where somebody has read it
 */
export async function admitWebRequest(
  guard: Guard,
  request: Request,
  connection: Connection | undefined,
  readBefore: () => Promise<string> = gone,
): Promise<WebAdmission> {
  const { method, headers, url } = request
  const { pathname, searchParams } = new URL(url)
  let text: string | undefined
  const guarded: GuardedRequest = {
    method,
    headers,
    query: searchParams,
    readBody: async (prove) => {
      if (method !== 'POST') return undefined
      if (isLong(headers.get('content-length'))) await prove()
      text = request.bodyUsed ? await readBefore().catch(gone) : await readText(request.body ?? [], prove)
      if (text.length > UNPROVEN_BYTES) await prove()
      return readJson(text)
    },
    connection,
  }
  const admission = await admitRequest(guard, pathname, guarded)
  if (admission.allowed && request.signal.aborted) {
    // Whoever asked has left: a call that he gave up must not run behind his back, and nobody reads this answer.
    admission.allowed.watch.end(false)
    return { answer: failureAnswer(), request }
  }
  if (!admission.allowed || text === undefined) return { ...admission, request }
  return { ...admission, request: withBody(request, text, admission.allowed.body) }
}

/** Made of its parts: not every runtime takes what another library calls a Request for one. */
function withBody({ url, method, headers, signal }: Request, text: string, value: unknown): Request {
  if (!hasEscapedName(text)) return new Request(url, { method, headers, body: text, signal })
  // The engine may read an escaped name as another one (`base/json.ts`): none that was decided about still has an escape.
  const unmeasured = new Headers(headers)
  unmeasured.delete('content-length')
  return new Request(url, { method, headers: unmeasured, body: JSON.stringify(value), signal })
}

async function gone(): Promise<never> {
  throw badMessage('parse_error', 'The body was read before it came to the guard, and not kept')
}
