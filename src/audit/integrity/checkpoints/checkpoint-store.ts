import type { Knex } from 'knex'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { sha256 } from '../../../base/digest.ts'
import { inTransaction } from '../../../storage/transaction.ts'
import type { CheckpointPayload } from './checkpoint.ts'

/** What checkpoints are made of, and those that were made. */
const LOCK = `hashtext('toolgate_audit_checkpoint')`

/**
 * The last rows of the chains that nothing later binds: of writers that live, and of those that ended and that no
 * row of another chain names yet, or not up to their end. Costs one step in an index for each.
 */
const HEADS = `
  select w.writer_id, last.seq::float8, last.hash
  from audit_writers w cross join lateral (
    select seq, hash from audit_events e where e.writer_id = w.writer_id order by seq desc limit 1) last
  where (closed_at is null or stopped_at is null) and (closed_at is null or last.seq > w.closed_seq)
  order by w.writer_id`

/** One statement, and so one moment: what was committed before it is bound by these heads. */
async function openHeads(db: Knex): Promise<ChainHead[]> {
  return (await db.raw<{ rows: ChainHead[] }>(HEADS)).rows
}

/** The time of the database. */
export async function databaseTime(db: Knex): Promise<Date> {
  const { rows } = await db.raw<{ rows: [{ now: Date }] }>(
    `select date_trunc('milliseconds', clock_timestamp()) as now`,
  )
  return rows[0].now
}

/**
 * Runs `work` in a transaction while nobody else makes a checkpoint. With `wait` false it answers undefined at once
 * when somebody does.
 */
export function checkpointTurn<T>(
  db: Knex,
  wait: boolean,
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T | undefined> {
  return inTransaction(db, async (trx) => {
    const lock = wait ? `pg_advisory_xact_lock(${LOCK})` : `pg_try_advisory_xact_lock(${LOCK})`
    const { rows } = await trx.raw(`select ${lock} as locked`)
    return rows[0]?.locked === false ? undefined : work(trx)
  })
}

export type StoredCheckpoint = { id: string | number; created_at: Date; digest: Buffer; jws: string }

/** What is to be signed next. */
export async function nextPayload(db: Knex, issuer: string): Promise<CheckpointPayload> {
  const previous = (await newestCheckpoint(db))?.digest
  return { issuer, created_at: await databaseTime(db), heads: await openHeads(db), previous }
}

export async function newestCheckpoint(db: Knex): Promise<StoredCheckpoint | undefined> {
  return db<StoredCheckpoint>('audit_checkpoints').orderBy('id', 'desc').first()
}

export async function insertCheckpoint(
  trx: Knex.Transaction,
  { created_at, heads }: CheckpointPayload,
  jws: string,
): Promise<void> {
  const [row]: { id: string | number }[] = await trx('audit_checkpoints')
    .insert({ created_at, digest: sha256(jws), jws })
    .returning('id')
  if (!row || heads.length === 0) return
  // A head that did not move was named before; the first checkpoint that names it is the one that proofs use.
  await trx('audit_checkpoint_heads')
    .insert(heads.map(({ writer_id, seq }) => ({ writer_id, seq, checkpoint_id: row.id })))
    .onConflict()
    .ignore()
}

/** The first checkpoint that names this row of the chain or a later one, and the row that it names. */
export async function coveringCheckpoint(
  db: Knex,
  writer_id: string,
  seq: number,
): Promise<{ seq: number; jws: string } | undefined> {
  return db('audit_checkpoint_heads as head')
    .join('audit_checkpoints as made', 'made.id', 'head.checkpoint_id')
    .where('head.writer_id', writer_id)
    .where('head.seq', '>=', seq)
    .orderBy('head.seq')
    .first(db.raw('head.seq::float8 as seq'), 'made.jws')
}
