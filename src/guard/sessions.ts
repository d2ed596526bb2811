import type { AnswerWatch } from './answers/answer-watch.ts'
import { Refusal } from './refusal.ts'

/** Of one session, while it lasts: for whom it was opened. */
export type Sessions = {
  /**
   * @param principal who asks, through which client
   * @throws Refusal 404 for a session that this principal did not open here, which makes the client open a new one
   */
  require(headers: Headers, principal: string): void
  /** Hears whether the answer opens a session, or ends it. */
  watch(method: string, headers: Headers, principal: string): AnswerWatch
}

const HEADER = 'mcp-session-id'
const KEPT_MAX = 10_000

/**
 * Sessions of the transports of 2025 (`Mcp-Session-Id`). MCP: a server MUST NOT use sessions for authentication, and
 * SHOULD bind them to the user: whoever learns an id has nothing with a token of his own. Of more than 10,000 those used
 * longest ago are forgotten.
 */
export function createSessions(): Sessions {
  const opened_by = new Map<string, string>()

  function keep(id: string, principal: string): void {
    opened_by.delete(id)
    opened_by.set(id, principal)
    for (const oldest of opened_by.keys()) {
      if (opened_by.size <= KEPT_MAX) break
      opened_by.delete(oldest)
    }
  }

  return {
    require(headers, principal) {
      const id = headers.get(HEADER)
      if (id === null) return
      if (opened_by.get(id) !== principal) throw unknownSession()
      keep(id, principal)
    },
    watch(method, asked, principal) {
      return {
        begin(status, headers) {
          const opened = headers.get(HEADER)
          const ended = asked.get(HEADER)
          // One that was asked for is not opened, and may have been ended meanwhile.
          if (opened && opened !== ended && status < 400 && !opened_by.has(opened)) keep(opened, principal)
          if (ended && method === 'DELETE' && status < 400) opened_by.delete(ended)
        },
        write() {},
        end() {},
      }
    },
  }
}

/** MCP 2025-11-25, Session Management: 404, upon which the client MUST start a new session. */
function unknownSession(): Refusal {
  const error = { code: -32001, message: 'Session not found' }
  return new Refusal(404, {}, { jsonrpc: '2.0', id: null, error })
}
