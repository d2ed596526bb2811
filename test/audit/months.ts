import { createHmac, randomUUID } from 'node:crypto'
import type { Evidence } from '../../src/audit/integrity/archive/evidence.ts'
import { settleDefaultPartition } from '../../src/audit/integrity/archive/partition-store.ts'
import { normaliseEvent } from '../../src/audit-chain/event-fields.ts'
import { type ChainHead, extendChain, GENESIS } from '../../src/audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS } from '../../src/audit-chain/row-bytes.ts'
import type { Database } from '../../src/storage/database.ts'
import { copyIn } from '../../src/storage/wire.ts'
import { decided } from './rows.ts'

/** A log that has been written for months: rows with the times that a writer's clock gave then. */

const DAY_MS = 86_400_000

/** The start of the month `ago` months before this one, in UTC. */
export function monthStart(ago: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago, 1))
}

/** A moment in that month; every month has 28 days. */
export function inMonth(ago: number, day = 14): Date {
  return new Date(monthStart(ago).getTime() + day * DAY_MS)
}

export function partitionOf(ago: number): string {
  return `audit_events_${monthStart(ago).toISOString().slice(0, 7).replace('-', '_')}`
}

export function newWriter(): ChainHead {
  return { writer_id: randomUUID(), seq: 0, hash: GENESIS }
}

/** `count` decisions that this writer recorded at `occurred_at`. */
export async function write(
  { hot }: Database,
  head: ChainHead,
  occurred_at: Date,
  count: number,
): Promise<ChainHead> {
  const events = Array.from({ length: count }, (_, index) => normaliseEvent(decided(head.seq + index)))
  const chain = extendChain(head, events, occurred_at)
  const client = await hot.connect()
  try {
    await copyIn(client, 'audit_events', [...CONTENT_COLUMNS, 'prev_hash', 'hash'], chain.tuples)
  } finally {
    client.release()
  }
  return chain.head
}

/**
 * Two writers over the months from `oldest` ago until now, `rows` each in every month: one lives through all of them,
 * the other is another process every month.
 */
export async function writeMonths(database: Database, oldest: number, rows: number): Promise<ChainHead> {
  let lasting = newWriter()
  for (let ago = oldest; ago >= 0; ago--) {
    lasting = await write(database, lasting, inMonth(ago), rows)
    await write(database, newWriter(), inMonth(ago), rows)
  }
  await settleDefaultPartition(database.knex)
  return lasting
}

/** Stands in for the audit key. */
export function evidence(): Evidence & { published: string[] } {
  const published: string[] = []
  const seal = (said: string) => createHmac('sha256', 'audit key').update(said).digest('base64url')
  return {
    published,
    sign: async (statement) => {
      const said = Buffer.from(JSON.stringify(statement)).toString('base64url')
      return `${said}.${seal(said)}`
    },
    check_signature: async (jws) => {
      const [said = '', signature] = jws.split('.')
      if (signature !== seal(said)) throw new Error('not signed with this key')
      return { statement: JSON.parse(Buffer.from(said, 'base64url').toString()), signer: 'audit key' }
    },
    newest_checkpoint: async () => 'the.newest.checkpoint',
    publish: async (jws) => void published.push(jws),
  }
}
