import { parseJson } from '../../base/json.ts'
import { createClientAuthentication } from '../introspection-client/client-authentication.ts'
import type { ServerSettings } from '../introspection-client/server-settings.ts'

/** What became of a batch. */
export type Delivered =
  | { outcome: 'taken'; refused: { id: string; reason: string }[] }
  /** The authorization server has no such endpoint. */
  | { outcome: 'unknown_here' }
  /** It will never take this batch as it is. */
  | { outcome: 'unfit'; why: string }
  | { outcome: 'later'; why: string; after_ms: number }

/** Members of a JSON text. Never rejects. */
export type Deliver = (reports: readonly string[]) => Promise<Delivered>

const RETRY_AFTER_MAX_SECONDS = 300

/** Posts batches of reports, as the resource server that the guard is. */
export function createDelivery(server: ServerSettings, endpoint: string): Deliver {
  const authentication = createClientAuthentication(server)

  async function post(reports: readonly string[]): Promise<Response> {
    const { headers, parameters } = await authentication.proof()
    const credentials = JSON.stringify(parameters).slice(1, -1)
    return server.fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/json' },
      body: `{${credentials}${credentials && ','}"reports":[${reports.join(',')}]}`,
      redirect: 'manual',
      signal: AbortSignal.timeout(server.timeout_ms),
    })
  }

  return async (reports) => {
    try {
      const response = await post(reports)
      if (response.status === 401) authentication.refused()
      if (response.status === 200) return readTaken(parseJson(await response.text()) as Answer)
      // Unread bodies keep the connection from being used again.
      await response.body?.cancel()
      return notTaken(response)
    } catch {
      // Without the cause: it could quote what was sent.
      return { outcome: 'later', why: 'no valid answer', after_ms: 0 }
    }
  }
}

type Answer = { accepted?: unknown; refused?: unknown } | null | undefined

function readTaken(answer: Answer): Delivered {
  if (typeof answer?.accepted !== 'number' || !Array.isArray(answer.refused))
    return { outcome: 'later', why: 'an answer that is not of Toolgate', after_ms: 0 }
  return { outcome: 'taken', refused: answer.refused }
}

function notTaken({ status, headers }: Response): Delivered {
  const why = `status ${status}`
  if (status === 404 || status === 405 || status === 501) return { outcome: 'unknown_here' }
  if (status === 400 || status === 413 || status === 415 || status === 422) return { outcome: 'unfit', why }
  const seconds = Number(headers.get('retry-after') ?? 0)
  const after_ms = seconds > 0 ? Math.min(seconds, RETRY_AFTER_MAX_SECONDS) * 1000 : 0
  return { outcome: 'later', why, after_ms }
}
