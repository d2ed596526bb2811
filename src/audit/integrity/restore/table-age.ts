import type { Knex } from 'knex'
import { AppError } from '../../../base/errors.ts'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import { type Gap, gapsBefore } from './gap.ts'
import { newestKept, readableSinks } from './kept-checkpoint.ts'

/** What is kept outside, against the table. `untold`: there is nothing outside to compare with. */
export type TableAge =
  | { state: 'untold' }
  | { state: 'current'; kept: Checkpoint }
  | { state: 'older'; kept: Checkpoint; gaps: Gap[] }

type Looked = { db: Knex; sinks: readonly string[]; thumbprint: string }

/** Compares the table with the newest checkpoint in the files that checkpoints go to. Throws what reading them throws. */
export async function tableAge({ db, sinks, thumbprint }: Looked): Promise<TableAge> {
  const kept = await newestKept(readableSinks(sinks), thumbprint)
  if (!kept) return { state: 'untold' }
  const gaps = await gapsBefore(db, kept.heads)
  return gaps.length === 0 ? { state: 'current', kept } : { state: 'older', kept, gaps }
}

/**
 * Refuses to serve from a table that is older than what is kept outside: what was revoked since would live again. Says
 * whether it could tell. Throws `unavailable` with what to do.
 */
export async function assertNotOlder(looked: Looked): Promise<'current' | 'untold'> {
  const age = await tableAge(looked)
  if (age.state !== 'older') return age.state
  const lost = age.gaps.reduce((sum, { first_seq, last_seq }) => sum + last_seq - first_seq + 1, 0)
  throw new AppError(
    'unavailable',
    `The audit log lacks ${lost} rows that it had at ${age.kept.created_at.toISOString()}, as a checkpoint outside says: the database was restored from a backup, or rows were cut off. What was revoked since would live again, so nothing is served. See: toolgate restore check`,
  )
}
