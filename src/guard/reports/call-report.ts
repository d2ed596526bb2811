/**
 * Reports: what happened at the MCP server and belongs into the audit log, which is elsewhere. Never in them: tokens and
 * the arguments of tools.
 */
type Call = {
  /** UUID. Whoever takes reports takes each id once. */
  id: string
  /** Milliseconds since the epoch, by the clock of this machine. */
  occurred_at_ms: number
  /** The decision's `X-Request-Id`, which joins it with what came of it. */
  request_id: string
  sub: string
  client_id: string
  /** `jti` of the token; undefined in mode `none`. */
  token_id?: string | undefined
  method: string
  /** Of the tool or prompt, or the URI of the resource. */
  name?: string | undefined
}

/** A decision that was made here: from the cache, or, in mode `none`, from the catalogue. */
export type DecisionReport = Call & {
  type: 'tool.decided'
  allowed: boolean
  /** All scopes that the call needs, space separated. */
  scope: string
}

/** What came of a call. */
export type OutcomeReport = Call & {
  type: 'tool.completed'
  /** `error`: by the tool (`isError`), by the protocol (a JSON-RPC error), by HTTP, or because the answer broke off. */
  outcome: 'ok' | 'tool_error' | 'protocol_error' | 'http_error' | 'aborted'
  duration_ms: number
  /** Of the answer's body. */
  size_bytes: number
  /** SHA-256 of the arguments in canonical JSON (RFC 8785), hexadecimal; undefined when there are none. */
  arguments_sha256?: string | undefined
}

export type CallReport = DecisionReport | OutcomeReport

/** Takes reports to the audit log. */
export type Recorder = {
  /** Resolves when the reports are as safe as this recorder makes them. Rejects when they are lost. */
  record(reports: readonly CallReport[]): Promise<void>
  /** Brings away what waits, as far as that is possible now. */
  close(): Promise<void>
}
