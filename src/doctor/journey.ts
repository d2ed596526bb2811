import type { ClientProfile } from './client-profile.ts'
import type { Answered } from './probe/exchange.ts'
import type { Finding, Trial } from './problem.ts'
import type { Document, Walk } from './walk.ts'

/** What one client knows on its way. Each step reads what those before it found, and adds to it. */
export type Journey = {
  readonly profile: ClientProfile
  readonly walk: Walk
  /** With `--active`: what came of registering as this client. */
  readonly trial?: Trial | undefined
  /** The answer to a request without a token. */
  first?: Answered
  /** It was answered without asking for a token, so that nothing else is needed. */
  is_open?: true
  challenged_url?: string | undefined
  challenged_scope?: string | undefined
  resource_metadata?: Document
  /** As the metadata spells it, or the origin of the MCP server. */
  issuer?: string
  server_metadata?: Document
  server_answer?: Answered
  scope?: string | undefined
}

export type Step = (journey: Journey) => Finding[]
