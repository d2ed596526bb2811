import type { ClientProfile, Ground } from '../clients/client-facts.ts'
import type { Answered } from '../crawl/exchange.ts'
import type { Crawl } from '../crawl/http-cache.ts'
import type { JsonObject } from '../crawl/response.ts'
import type { Finding } from '../finding.ts'

/** What one client knows on its way. Each step reads what those before it found, and adds to it. */
export type ClientState = {
  readonly profile: ClientProfile
  readonly crawl: Crawl
  /** With `--active`: what came of registering as this client. */
  readonly probe?: RegistrationProbe | undefined
  /** The response to a request without a token. */
  first?: Answered
  /** It was a success, so that nothing else is needed. */
  is_open?: true
  challenged_url?: string | undefined
  challenged_scope?: string | undefined
  resource_metadata?: JsonObject
  /** As the metadata spells it, or the origin of the MCP server. */
  issuer?: string
  server_metadata?: JsonObject
  server_response?: Answered
  scope?: string | undefined
}

/** What came of registering as a client, asking for its sign-in page, and taking the registration back. */
export type RegistrationProbe = {
  registration?: Finding | undefined
  authorization?: Finding | undefined
  /** What was registered and could not be taken back. */
  left_behind?: { client: string; client_id: string }
}

/** `may_stop` follows from what clients should do, not from what is known of this one; with `warns` it goes on. */
export type Effect = 'stops' | 'may_stop' | 'warns'
export type ClientFinding = { finding: Finding; effect: Effect }

type Judged = ClientFinding | undefined
export type Step = (state: ClientState) => Judged | readonly Judged[]

export function stops(finding: Finding | undefined): Judged {
  return finding && { finding, effect: 'stops' }
}

export function warns(finding: Finding | undefined): Judged {
  return finding && { finding, effect: 'warns' }
}

/** A failure by a rule of which it is not known that this client keeps it is only likely. */
export function stopsBy({ ground }: { ground: Ground }, finding: Finding): ClientFinding {
  return { finding, effect: ground === 'assumed' ? 'may_stop' : 'stops' }
}
