import type { Exchange } from '../../probe/exchange.ts'
import type { Asked, ListedTools } from '../../probe/mcp-session.ts'

/** A tool that was called. `needed`: all its scopes, where a catalogue says them. */
export type SeenCall = {
  tool: string
  answer: Exchange
  said: Asked['said']
  needed: readonly string[] | undefined
}

/** What came of what only `--active` does. What is undefined was not reached; `ended` says why. */
export type ActiveSeen = {
  /** Why it went no further. */
  ended: string | undefined
  client_id: string | undefined
  /** Answers of the authorization endpoint to requests that it has to refuse. */
  without_challenge?: Exchange
  wrong_redirect?: Exchange
  unknown_resource?: Exchange
  /** Parameters of the redirect back. */
  callback?: URLSearchParams
  wrong_verifier?: Exchange
  redeemed?: Exchange
  listed?: ListedTools
  open_call?: SeenCall
  closed_call?: SeenCall
  rotation?: Rotation
  /** A spent refresh token, again. `successor`: the newest of the family after that. */
  reuse?: { replayed: Exchange; is_repetition: boolean; successor: Exchange }
  revocations: Revocation[]
  code_replay?: Exchange
  audit?: AuditSeen
}

export type Rotation = { answer: Exchange; is_new: boolean }

/** `bit_after_ms`: from the answer of the revocation to the first refusal; undefined when there was none in time. */
export type Revocation = { answer: Exchange; bit_after_ms: number | undefined }

export type AuditSeen = { answer: Exchange; calls: AuditedCall[] }
export type AuditedCall = { tool: string; decision: 'allowed' | 'denied'; missing: string | undefined }
