/**
 * A restored backup: before anything is served from it, what it brings back to life ends. Either every credential that
 * was issued before, or those whose revocations an export of the lost rows names.
 */
import type { Knex } from 'knex'
import { deleteAllOperatorTokens } from '../accounts/operator-token-store.ts'
import { endEverySession } from '../accounts/sessions/sessions.ts'
import type { Checkpoint } from '../audit/integrity/checkpoints/checkpoint.ts'
import { type Gap, gapText } from '../audit/integrity/restore/gap.ts'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { deleteAllGrants } from '../grants/grant-store.ts'
import type { LostRows } from './lost-rows.ts'
import { replay, type Unrepeatable } from './replay.ts'

export type Accepted = {
  ended_grants: number
  ended_operator_tokens: number
  ended_sessions: number
  /** Of so many rows that were lost the revocations were done again. */
  replayed: number
  /** What only people can do again. */
  by_hand: Unrepeatable[]
}

type Ended = Omit<Accepted, 'replayed'>

/** As many as one event takes. */
const GAPS_PER_EVENT = 100

/**
 * Ends what the backup brought back and records `audit.restored` with the gaps, in one transaction: afterwards the server
 * starts, and verification knows the gaps. Sessions end in any case. With `lost`, only what these rows took away ends.
 */
export function acceptRestore(
  context: RecordingContext,
  { kept, gaps }: { kept: Checkpoint; gaps: readonly Gap[] },
  origin: ActionOrigin,
  lost?: LostRows,
): Promise<Accepted> {
  return recorded(context, origin, async (trx, record) => {
    const ended = lost ? await replay(trx, lost.rows) : await endEverything(trx)
    const replayed = lost?.rows.length ?? 0
    const { by_hand: _, ...counts } = ended
    for (let at = 0; at < gaps.length; at += GAPS_PER_EVENT)
      record({
        type: 'audit.restored',
        detail: {
          checkpoint_sha256: kept.digest.toString('hex'),
          checkpoint_at: kept.created_at.toISOString(),
          gaps: gaps.slice(at, at + GAPS_PER_EVENT).map(gapText),
          replayed,
          ...counts,
        },
      })
    return { ...ended, replayed }
  })
}

async function endEverything(trx: Knex.Transaction): Promise<Ended> {
  return {
    ended_grants: await deleteAllGrants(trx),
    ended_operator_tokens: await deleteAllOperatorTokens(trx),
    ended_sessions: await endEverySession(trx),
    by_hand: [
      {
        what: 'accounts that were disabled, clients that were blocked, and passwords and secrets that were changed since the backup',
        why: 'the backup has them as they were; look them up in an export or archive of the log, or use --replay',
      },
    ],
  }
}
