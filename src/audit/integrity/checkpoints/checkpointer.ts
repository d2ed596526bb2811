import type { Knex } from 'knex'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { type CheckpointPayload, readCheckpoint, signCheckpoint } from './checkpoint.ts'
import type { CheckpointKey } from './checkpoint-key.ts'
import { checkpointTurn, insertCheckpoint, newestCheckpoint, nextPayload } from './checkpoint-store.ts'

export type CheckpointMaking = { db: Knex; key: CheckpointKey; issuer: string }

/** Signs what the chains hold now, and keeps it. Throws what the database throws. */
export async function makeCheckpoint({ db, key, issuer }: CheckpointMaking): Promise<string> {
  const jws = await checkpointTurn(db, true, async (trx) => sign(trx, key, await nextPayload(trx, issuer)))
  if (jws === undefined) throw new Error('a checkpoint that was due was not made')
  return jws
}

/**
 * The same where it is due: something was appended since the newest, and that is older than `interval_seconds`
 * (0: whatever its age). Undefined when it is not, or when another instance is about to make it.
 */
export function makeCheckpointWhenDue(
  { db, key, issuer }: CheckpointMaking,
  interval_seconds: number,
): Promise<string | undefined> {
  return checkpointTurn(db, false, async (trx) => {
    const newest = await newestCheckpoint(trx)
    const next = await nextPayload(trx, issuer)
    const age_ms = newest ? next.created_at.getTime() - newest.created_at.getTime() : Infinity
    const is_due = age_ms >= interval_seconds * 1_000 && !isSame(await headsOf(newest?.jws), next.heads)
    return is_due ? sign(trx, key, next) : undefined
  })
}

async function sign(trx: Knex.Transaction, key: CheckpointKey, payload: CheckpointPayload): Promise<string> {
  const jws = await signCheckpoint(key, payload)
  await insertCheckpoint(trx, payload, jws)
  return jws
}

/** Whatever the table holds must not keep the next one from being signed. */
async function headsOf(jws: string | undefined): Promise<ChainHead[]> {
  const read = jws === undefined ? undefined : await readCheckpoint(jws).catch(() => undefined)
  return read?.heads ?? []
}

function isSame(one: readonly ChainHead[], other: readonly ChainHead[]): boolean {
  const named = new Map(one.map((head) => [head.writer_id, head]))
  const isNamed = ({ writer_id, seq, hash }: ChainHead) => {
    const head = named.get(writer_id)
    return head?.seq === seq && head.hash.equals(hash)
  }
  return one.length === other.length && other.every(isNamed)
}
