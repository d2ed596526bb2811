import type { Knex } from 'knex'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { type Checkpoint, readCheckpoint, signCheckpoint } from './checkpoint.ts'
import type { CheckpointKey } from './checkpoint-key.ts'
import {
  checkpointTurn,
  databaseTime,
  insertCheckpoint,
  newestCheckpoint,
  openHeads,
} from './checkpoint-store.ts'

export type CheckpointMaking = {
  db: Knex
  key: CheckpointKey
  issuer: string
}

/** Signs what the chains hold now, and keeps it. Throws what the database throws. */
export async function makeCheckpoint(making: CheckpointMaking): Promise<string> {
  const jws = await checkpointTurn(making.db, true, (trx) => sign({ ...making, db: trx }, () => true))
  if (jws === undefined) throw new Error('a checkpoint that was due was not made')
  return jws
}

/**
 * The same where it is due: something was appended since the newest, and that is older than `interval_seconds`
 * (0: whatever its age). Undefined when it is not, or when another instance is about to make it.
 */
export function makeCheckpointWhenDue(
  making: CheckpointMaking,
  interval_seconds: number,
): Promise<string | undefined> {
  return checkpointTurn(making.db, false, (trx) =>
    sign({ ...making, db: trx }, (newest, now, heads) => {
      const age_seconds = newest ? (now.getTime() - newest.created_at.getTime()) / 1_000 : Infinity
      return age_seconds >= interval_seconds && !isSame(newest?.heads ?? [], heads)
    }),
  )
}

type Newest = Pick<Checkpoint, 'created_at' | 'heads' | 'digest'> | undefined

async function sign(
  { db, key, issuer }: CheckpointMaking & { db: Knex.Transaction },
  isDue: (newest: Newest, now: Date, heads: ChainHead[]) => boolean,
): Promise<string | undefined> {
  const stored = await newestCheckpoint(db)
  const newest = stored && (await readStored(stored))
  const created_at = await databaseTime(db)
  const heads = await openHeads(db)
  if (!isDue(newest, created_at, heads)) return undefined
  const jws = await signCheckpoint(key, { issuer, created_at, heads, previous: newest?.digest })
  await insertCheckpoint(db, { jws, created_at, heads })
  return jws
}

/** Whatever the table holds must not keep the next one from being signed. */
async function readStored(stored: { jws: string; created_at: Date; digest: Buffer }): Promise<Newest> {
  const { created_at, digest } = stored
  const heads = await readCheckpoint(stored.jws).then(
    (checkpoint) => checkpoint.heads,
    () => [],
  )
  return { created_at, digest, heads }
}

function isSame(one: readonly ChainHead[], other: readonly ChainHead[]): boolean {
  const named = new Map(one.map((head) => [head.writer_id, head]))
  const isNamed = ({ writer_id, seq, hash }: ChainHead) => {
    const head = named.get(writer_id)
    return head?.seq === seq && head.hash.equals(hash)
  }
  return one.length === other.length && other.every(isNamed)
}
