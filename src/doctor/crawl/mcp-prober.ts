import type { Resource } from '../../permission/scopes.ts'
import { displayText } from './display-text.ts'
import { type Exchange, type Send, sendFrom } from './exchange.ts'
import {
  type McpConnection,
  type McpTarget,
  openMcp,
  postMcp,
  rpcRequest,
  SESSION_REVISION,
  sessionHeaders,
} from './mcp-session.ts'

/** What a review is asked to do. Tokens are those of the reviewer; none of them ever gets into what it says. */
export type ReviewOptions = {
  url: string
  /** `token`: personal tokens without any OAuth flow, so that no metadata is expected. `oauth` when absent. */
  strategy?: 'oauth' | 'token' | undefined
  token?: string | undefined
  /** Of another account for the same server. */
  second_token?: string | undefined
  /** Issued for another resource. */
  foreign_token?: string | undefined
  expired_token?: string | undefined
  read_only_token?: string | undefined
  operator_token?: string | undefined
  /** The authorization server that the reviewer trusts: other servers get neither operator nor refresh token. */
  issuer?: string | undefined
  catalogue?: Resource | undefined
  active?: ActiveOptions | undefined
  /** Of each request. */
  timeout_ms?: number | undefined
}

export type ActiveOptions = {
  client_id?: string | undefined
  /** Needs `client_id`; then no one has to sign in. */
  refresh_token?: string | undefined
  /** Gets the address that a person opens to sign in. */
  onPerson: (authorization_url: string) => void
  /** How long the person has. */
  person_timeout_ms?: number | undefined
  /** How long after its first use a spent refresh token may still get the identical answer. */
  grace_ms?: number | undefined
  /** How long a revocation may take before it counts as ignored. */
  revocation_timeout_ms?: number | undefined
}

const SHOWN_CHARS_MAX = 400

/** Sends what a review asks of the MCP server, keeps every response, and remembers every secret. */
export class McpProber {
  readonly options: ReviewOptions
  /** Gets each step, for people. */
  readonly say: (step: string) => void
  /** To the authorization server, whose responses may hold new tokens: they are not kept. */
  readonly send: Send
  readonly exchanges: Exchange[] = []
  /** What was sent, which no response may repeat. */
  readonly secrets = new Set<string>()
  /** What must not be shown, beside the secrets: also what responses may well hold, such as new tokens. */
  readonly hidden: Set<string>

  constructor(options: ReviewOptions, say: (step: string) => void) {
    this.options = options
    this.say = say
    this.send = sendFrom(options.url, options.timeout_ms)
    const { token, second_token, foreign_token, expired_token, read_only_token, operator_token } = options
    const given = [token, second_token, foreign_token, expired_token, read_only_token, operator_token]
    this.hidden = new Set([...given, options.active?.refresh_token].filter((secret) => secret !== undefined))
  }

  #target(token: string | undefined, url = this.options.url): McpTarget {
    if (token !== undefined) this.secrets.add(token)
    const { timeout_ms } = this.options
    return { url, token, timeout_ms, keep: (response) => void this.exchanges.push(response) }
  }

  post(token: string | undefined, body: unknown, headers?: Record<string, string>): Promise<Exchange> {
    return postMcp(this.#target(token), body, headers)
  }

  open(token: string | undefined, response?: Exchange): Promise<McpConnection> {
    return openMcp(this.#target(token), response)
  }

  /** `tools/list` as if nothing had been said before. */
  listOnce(token: string | undefined, more: Record<string, string> = {}, url?: string): Promise<Exchange> {
    const headers = { ...sessionHeaders(SESSION_REVISION), ...more }
    return postMcp(this.#target(token, url), rpcRequest('tools/list'), headers)
  }

  /** The same with the token in the address (RFC 6750 §2.3). */
  listByQuery(token: string): Promise<Exchange> {
    this.secrets.add(token)
    const url = new URL(this.options.url)
    url.searchParams.set('access_token', token)
    return this.listOnce(undefined, {}, url.href)
  }

  /** What another server said, without the reviewer's secrets. */
  shown(text: string): string {
    return displayText(text, [...this.hidden, ...this.secrets], SHOWN_CHARS_MAX)
  }
}
