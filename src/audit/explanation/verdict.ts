import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { CatalogueHistory } from '../../catalogue/held.ts'

export const VERDICTS = [
  'account_disabled',
  'allowed_now',
  'consent_is_older',
  'credentials_missing',
  'grant_ended',
  'grant_lacks_scope',
  'method_not_open',
  'operator_scope_missing',
  'refresh_token_presented',
  'request_refused',
  'resource_not_in_catalogue',
  'resource_server_refused',
  'role_lacks_scope',
  'sign_in_refused',
  'sign_in_throttled',
  'token_expired',
  'token_lacks_scope',
  'token_revoked',
  'token_unknown',
  'tool_opened_by_no_scope',
  'wrong_resource',
] as const
export type Verdict = (typeof VERDICTS)[number]

export const PARTIES = ['user', 'client', 'mcp_server', 'operator'] as const
export type Remedy = { who: (typeof PARTIES)[number]; what: string }

export const user = (what: string): Remedy => ({ who: 'user', what })
export const client = (what: string): Remedy => ({ who: 'client', what })
export const mcpServer = (what: string): Remedy => ({ who: 'mcp_server', what })
export const operator = (what: string): Remedy => ({ who: 'operator', what })

export type Explanation = { verdict: Verdict; reasons: string[]; remedies: Remedy[] }

/** An explanation with one reason. */
export function explained(verdict: Verdict, reason: string, ...remedies: Remedy[]): Explanation {
  return { verdict, reasons: [reason], remedies }
}

export const CONNECT_AGAIN: Remedy = user('Connect the client again.')

/** What else an account that is disabled means is said by `consequence`. */
export function accountDisabled(username: string, consequence = ''): Explanation {
  return explained(
    'account_disabled',
    `The account ${username} is disabled${consequence}.`,
    operator(`Enable ${username} again, if that is meant to be.`),
  )
}

/** By the base64url SHA-256 that names it. `kind` says where it was found. */
export type KnownToken = { kind: 'access_token' | 'refresh_token'; grant_id: string; expired: boolean } & {
  expires_at: Date
  resource: string | null
  scope: string | null
}

export type KnownGrant = {
  id: string
  account_id: string
  client_id: string
  resource: string | null
  scope: string
  scope_versions: number[]
  expired: boolean
}

export type KnownAccount = { id: string; username: string; roles: string[]; disabled: boolean }

/** The event, and what of it is known now. */
export type Facts = {
  event: AuditRow
  catalogue: Catalogue | undefined
  /** With the catalogues that the grant was consented under. */
  history: CatalogueHistory | undefined
  token: KnownToken | undefined
  /** The event by which the token was given out. */
  issued: AuditRow | undefined
  grant: KnownGrant | undefined
  /** What took the grant or a token of it away. */
  end: AuditRow | undefined
  account: KnownAccount | undefined
}
