import type { Knex } from 'knex'
import { findAccount, updateAccount } from '../accounts/account-store.ts'
import { deleteOperatorToken } from '../accounts/operator-token-store.ts'
import { endEverySession } from '../accounts/sessions/sessions.ts'
import { definitionOf } from '../audit/events/audit-event.ts'
import { actorText } from '../audit-chain/actor.ts'
import type { AuditRow } from '../audit-chain/hash-chain.ts'
import { deleteClientBlock, insertClientBlock } from '../clients/client-block-store.ts'
import { deleteMatchingGrants } from '../grants/grant-store.ts'

/** What a person has to do again, because the log does not hold what it would take. */
export type Unrepeatable = { what: string; why: string }

type Done = { grants: number; operator_tokens: number; by_hand: Unrepeatable[] }

/**
 * Takes away again what these rows took away, the oldest first. Where a row says only that something changed, and not to
 * what, the grants that it concerns end; a secret or password that was changed is named, for people to change.
 */
export async function replay(trx: Knex.Transaction, rows: readonly AuditRow[]) {
  const done: Done = { grants: 0, operator_tokens: 0, by_hand: [] }
  for (const row of rows) {
    if (endsGrant(row)) done.grants += await endGrants(trx, { ids: [row.grant_id ?? ''] })
    await AGAIN[row.type]?.(trx, row, done)
  }
  const { grants: ended_grants, operator_tokens: ended_operator_tokens, by_hand } = done
  return { ended_grants, ended_operator_tokens, ended_sessions: await endEverySession(trx), by_hand }
}

function endsGrant({ type, detail, grant_id }: AuditRow): boolean {
  const ends = definitionOf(type)?.ends_grant
  return grant_id !== null && (typeof ends === 'function' ? ends((detail ?? {}) as never) : ends === true)
}

async function endGrants(
  trx: Knex.Transaction,
  filter: { ids: string[] } | { client_id: string },
): Promise<number> {
  return (await deleteMatchingGrants(trx, filter)).length
}

type Again = (trx: Knex.Transaction, row: AuditRow, done: Done) => Promise<void>

/** By event, what is done again besides. */
const AGAIN: Readonly<Record<string, Again | undefined>> = {
  async 'account.changed'(trx, { account_id, detail }, done) {
    const account = account_id === null ? undefined : await findAccount(trx, account_id)
    if (!account) return
    const roles = Array.isArray(detail?.roles) ? detail.roles.map(String) : undefined
    const disabled = typeof detail?.disabled === 'boolean' ? detail.disabled : undefined
    if (roles || disabled !== undefined) await updateAccount(trx, account.id, { roles, disabled })
    if (detail?.password !== undefined)
      done.by_hand.push({
        what: `toolgate accounts set-password ${account.username}`,
        why: 'the password was changed after the backup, and the old one is back',
      })
  },
  async 'client.blocked'(trx, row, done) {
    if (row.client_id === null) return
    const blocked_by = actorText(row.actor_kind, row.actor_id)
    await insertClientBlock(trx, { client_id: row.client_id, reason: String(row.detail?.reason), blocked_by })
    done.grants += await endGrants(trx, { client_id: row.client_id })
  },
  async 'client.unblocked'(trx, { client_id }) {
    if (client_id !== null) await deleteClientBlock(trx, client_id)
  },
  async 'client.changed'(trx, { client_id, detail }, done) {
    if (client_id === null || detail?.change === 'added') return
    done.grants += await endGrants(trx, { client_id })
    done.by_hand.push({
      what:
        detail?.change === 'removed'
          ? `toolgate clients remove ${client_id}`
          : `toolgate clients rotate-secret ${client_id}`,
      why: `the client was changed after the backup (${detail?.change})`,
    })
  },
  async 'grant.narrowed'(trx, { grant_id }, done) {
    if (grant_id !== null) done.grants += await endGrants(trx, { ids: [grant_id] })
  },
  async 'operator_token.revoked'(trx, { detail }, done) {
    if (await deleteOperatorToken(trx, String(detail?.operator_token))) done.operator_tokens += 1
  },
  async 'personal_token.rotated'(trx, { grant_id }, done) {
    if (grant_id !== null) done.grants += await endGrants(trx, { ids: [grant_id] })
  },
  async 'resource_server.changed'(_, { client_id, detail }, done) {
    done.by_hand.push({
      what: `resource server ${client_id}: ${detail?.change}`,
      why: 'it was changed after the backup: rotate its secret or keys, or remove it',
    })
  },
}
