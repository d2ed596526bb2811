/**
 * Why something was refused, in plain words: from the event, which says what was decided, and from what is known now,
 * which says what would help. Pure but for the gathering of what is known.
 */
import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import type { CatalogueCache } from '../../catalogue/catalogue-store.ts'
import { definitionOf } from '../events/audit-event.ts'
import { findEvent } from '../query/event-store.ts'
import { findTokenEvent } from '../story/story-store.ts'
import { findEnd, findKnownAccount, findKnownGrant, findKnownToken } from './facts-store.ts'
import type { Explanation, Facts } from './verdict.ts'

type Dependencies = { db: Knex; catalogues: CatalogueCache }

async function gather({ db, catalogues }: Dependencies, event: AuditRow): Promise<Facts> {
  const { token_id } = event
  const [token, issued] = await Promise.all([
    token_id === null ? undefined : findKnownToken(db, token_id),
    token_id === null ? undefined : findTokenEvent(db, token_id),
  ])
  const grant_id = event.grant_id ?? token?.grant_id ?? issued?.grant_id
  const [grant, end] = await Promise.all([
    grant_id ? findKnownGrant(db, grant_id) : undefined,
    grant_id ? findEnd(db, grant_id, token_id) : undefined,
  ])
  const account_id = event.account_id ?? grant?.account_id ?? issued?.account_id
  const account = account_id ? await findKnownAccount(db, account_id) : undefined
  const history = await catalogues.currentHistory(db, grant?.scope_versions ?? [])
  return { event, catalogue: history?.now, history, token, issued, grant, end, account }
}

/** Explains the event with this id. Throws `not_found`, and `invalid_input` for an event that refused nothing. */
export async function explainEvent(
  dependencies: Dependencies,
  id: string,
): Promise<Explanation & { event: AuditRow }> {
  const event = await findEvent(dependencies.db, id)
  const explanation = definitionOf(event.type)?.explain?.(await gather(dependencies, event))
  if (!explanation)
    throw new AppError('invalid_input', `The event ${id} (${event.type}) refused nothing: nothing to explain`)
  return { event, ...explanation }
}
