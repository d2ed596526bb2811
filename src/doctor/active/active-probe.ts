import type { Exchange } from '../crawl/exchange.ts'
import type { ListedTools, McpResponse } from '../crawl/mcp-session.ts'

/** A tool that was called. `needed`: all its scopes, where a catalogue says them. */
export type ToolCall = McpResponse & { tool: string; needed: readonly string[] | undefined }

/** What came of what only `--active` does. What is absent was not reached; `ended` says why. */
export type ActiveProbe = {
  /** Why it went no further. */
  ended?: string
  client_id?: string
  /** Responses of the authorization endpoint to requests that it has to refuse. */
  without_challenge?: Exchange
  wrong_redirect?: Exchange
  unknown_resource?: Exchange
  /** Parameters of the redirect back. */
  callback?: URLSearchParams
  wrong_verifier?: Exchange
  /** The first that has tokens. */
  token_response?: Exchange
  listed?: ListedTools
  open_call?: ToolCall
  closed_call?: ToolCall
  rotation?: { response: Exchange; is_new: boolean }
  /** A spent refresh token, again. `successor`: the newest of the family after that. */
  reuse?: { replayed: Exchange; is_repetition: boolean; successor: Exchange }
  revocations?: Revocation[]
  code_replay?: Exchange
  audit?: { response: Exchange; calls: AuditedCall[] }
  /** A call that the read-only token must not make. */
  read_only_call?: ToolCall
}

/** `effective_after_ms`: from its response to the first refusal; undefined when there was none in time. */
export type Revocation = { response: Exchange; effective_after_ms: number | undefined }

export type AuditedCall = { tool: string; decision: 'allowed' | 'denied'; missing: string | undefined }
