import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import type { RecordEvent, RecordingContext } from '../audit/log/recorded.ts'
import { deleteMatchingGrants } from '../grants/grant-store.ts'
import { grantRevoked, REVOKED_PER_TRANSACTION, revokeGrants } from '../grants/grants.ts'

/**
 * Ends the grants of a client that is blocked or forgotten, in the transaction that keeps it from getting others, as
 * many as one transaction can take; what a client with more has left ends right after, and nothing is added to it.
 * Records them after `cause`, which is given their number.
 */
export async function revokeWithClient(
  trx: Knex.Transaction,
  client_id: string,
  record: RecordEvent,
  { cause, reason }: { cause: (grants: number) => void; reason?: string },
): Promise<string[]> {
  const grants = await deleteMatchingGrants(trx, { client_id }, REVOKED_PER_TRANSACTION)
  cause(grants.length)
  for (const grant of grants) record(grantRevoked(grant, reason))
  return grants.map(({ id }) => id)
}

/** All that were revoked, after the transaction that revoked these first ones has committed. */
export async function revokeRest(
  dependencies: RecordingContext,
  client_id: string,
  origin: ActionOrigin,
  first: string[],
): Promise<string[]> {
  if (first.length < REVOKED_PER_TRANSACTION) return first
  const { revoked } = await revokeGrants(dependencies, { client_id }, origin)
  return [...first, ...revoked]
}
