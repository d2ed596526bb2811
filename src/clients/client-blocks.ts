import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordEvent, type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { actorText } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import { deleteClientBlock, findClientBlock, holdClient, insertClientBlock } from './client-block-store.ts'
import { revokeRest, revokeWithClient } from './client-revocation.ts'
import { findClient } from './client-store.ts'
import { documentUrl } from './documents/metadata-documents.ts'

/**
 * Blocking a client: from then on no instance shows a consent page for it, gives it a code, or answers it with a
 * token. It stands here and not with the grants it revokes, because clients know of grants and not the reverse.
 */
type BlockOrigin = ActionOrigin & { reason: string }

/**
 * Blocks a client, known or not yet (the URL of a metadata document), and revokes everything that people allowed it,
 * in one transaction; of more than 10,000 grants the others in further ones. Blocking it again revokes what is left and
 * changes nothing else. Throws `not_found` for what is neither a client nor a URL that could be one.
 */
export async function blockClient(
  dependencies: RecordingContext,
  client_id: string,
  origin: BlockOrigin,
): Promise<{ client_id: string; blocked_at: Date; revoked: string[] }> {
  const { revoked, blocked_at } = await recorded(dependencies, origin, (trx, record) =>
    block(trx, client_id, origin, record),
  )
  return { client_id, blocked_at, revoked: await revokeRest(dependencies, client_id, origin, revoked) }
}

async function block(
  trx: Knex.Transaction,
  client_id: string,
  { actor, reason }: BlockOrigin,
  record: RecordEvent,
) {
  await holdClient(trx, client_id)
  await assertBlockable(trx, client_id)
  const is_new = await insertClientBlock(trx, {
    client_id,
    reason,
    blocked_by: actorText(actor.kind, actor.id),
  })
  const found = await findClientBlock(trx, client_id)
  // Unblocking takes the same hold.
  if (!found) throw new Error('a block went away while its client was held')
  const revoked = await revokeWithClient(trx, client_id, record, {
    cause: (grants) => is_new && record({ type: 'client.blocked', client_id, detail: { reason, grants } }),
  })
  return { revoked, blocked_at: found.blocked_at }
}

/** Lets a client in again; what was revoked stays so. Unblocking what is not blocked is no error. */
export async function unblockClient(
  dependencies: RecordingContext,
  client_id: string,
  origin: ActionOrigin,
): Promise<{ client_id: string; unblocked: boolean }> {
  return recorded(dependencies, origin, async (trx, record) => {
    await holdClient(trx, client_id)
    const unblocked = await deleteClientBlock(trx, client_id)
    if (unblocked) record({ type: 'client.unblocked', client_id })
    return { client_id, unblocked }
  })
}

async function assertBlockable(db: Knex, client_id: string): Promise<void> {
  if (documentUrl(client_id) || (await findClient(db, client_id)) || (await findClientBlock(db, client_id)))
    return
  throw new AppError('not_found', `There is no client ${client_id}, and no document of one could be there`)
}
