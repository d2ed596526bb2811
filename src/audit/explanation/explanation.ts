/**
 * Why something was refused, in plain words: from the event, which says what was decided, and from what is known now,
 * which says what would help. Pure but for the gathering of what is known.
 */
import type { Knex } from 'knex'
import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { CatalogueCache } from '../../catalogue/catalogue-store.ts'
import { AppError } from '../../errors.ts'
import type { AuditRow } from '../chain/hash-chain.ts'
import { findByRandomId } from '../reading/lookup-store.ts'
import { findTokenEvent } from '../story/story-store.ts'
import {
  findEnd,
  findKnownAccount,
  findKnownGrant,
  findKnownToken,
  type KnownAccount,
  type KnownGrant,
  type KnownToken,
} from './facts-store.ts'
import { explainInactive } from './inactive-token.ts'
import { explainRefusal } from './refusals.ts'
import { explainToolDenial } from './tool-denial.ts'

export const VERDICTS = [
  'account_disabled',
  'allowed_now',
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

export type Explanation = { verdict: Verdict; reasons: string[]; remedies: Remedy[] }

/** The event, and what of it is known now. */
export type Facts = {
  event: AuditRow
  catalogue: Catalogue | undefined
  token: KnownToken | undefined
  /** The event by which the token was given out. */
  issued: AuditRow | undefined
  grant: KnownGrant | undefined
  /** What took the grant or a token of it away. */
  end: AuditRow | undefined
  account: KnownAccount | undefined
}

/** Pure. Undefined for an event that refused nothing. */
export function explain(facts: Facts): Explanation | undefined {
  const { type, decision } = facts.event
  if (type === 'tool.decided') return decision === 'denied' ? explainToolDenial(facts) : undefined
  if (type === 'token.introspected') return decision === 'inactive' ? explainInactive(facts) : undefined
  return explainRefusal(facts)
}

type Dependencies = { db: Knex; catalogues: CatalogueCache }

async function gather({ db, catalogues }: Dependencies, event: AuditRow): Promise<Facts> {
  const { token_id } = event
  const [token, issued, catalogue] = await Promise.all([
    token_id === null ? undefined : findKnownToken(db, token_id),
    token_id === null ? undefined : findTokenEvent(db, token_id),
    catalogues.current(db),
  ])
  const grant_id = event.grant_id ?? token?.grant_id ?? issued?.grant_id
  const [grant, end] = await Promise.all([
    grant_id ? findKnownGrant(db, grant_id) : undefined,
    grant_id ? findEnd(db, grant_id, token_id) : undefined,
  ])
  const account_id = event.account_id ?? grant?.account_id ?? issued?.account_id
  const account = account_id ? await findKnownAccount(db, account_id) : undefined
  return { event, catalogue: catalogue?.catalogue, token, issued, grant, end, account }
}

/** Explains the event with this id. Throws `not_found`, and `invalid_input` for an event that refused nothing. */
export async function explainEvent(
  dependencies: Dependencies,
  id: string,
): Promise<Explanation & { event: AuditRow }> {
  const [event] = await findByRandomId(dependencies.db, 'id', id)
  if (!event) throw new AppError('not_found', `There is no event ${id}`)
  const explanation = explain(await gather(dependencies, event))
  if (!explanation)
    throw new AppError('invalid_input', `The event ${id} (${event.type}) refused nothing: nothing to explain`)
  return { event, ...explanation }
}
