import type { Knex } from 'knex'
import type { Actor } from '../../../audit-chain/actor.ts'
import { type EventWords, normaliseEvent } from '../../../audit-chain/event-fields.ts'
import { type ChainHead, GENESIS } from '../../../audit-chain/hash-chain.ts'
import { eventBytes } from '../../../audit-chain/row-bytes.ts'
import { AppError } from '../../../base/errors.ts'
import { closingsOf, runsOfClosings } from '../archive/closing.ts'
import { findLink, readClosings } from '../archive/closing-store.ts'
import { databaseTime } from '../checkpoints/checkpoint-store.ts'
import { headAfterRuns, isInRuns, type KnownRuns } from '../verification/chain-runs.ts'
import { type NewRun, registerImported, storedChain } from './import-store.ts'
import type { LocalChain, LocalRow } from './local-log.ts'

/** What a local log has. Whoever could bring in other events could say in the log what only the server may say. */
const TYPES: readonly string[] = ['writer.started', 'writer.stopped', 'tool.decided', 'tool.completed']
/** Who uses the guard, and the guard itself. */
const ACTOR_KINDS: readonly string[] = ['local_user', 'server'] satisfies Actor['kind'][]
/** The client of all calls in mode `none`. */
const CLIENT = 'local'
const NAMED_BY_SERVER = ['actor_id', 'account_id', 'grant_id', 'token_id', 'scope', 'ip'] as const
/** By so much the clock of the machine where the log was written may be ahead. */
const AHEAD_MAX_MS = 60_000

type Period = { name: string; from: Date; to: Date }
type Place = { known: ChainHead; run: NewRun | undefined }

/** Decides row by row what is new, and refuses what may not come in. */
export class ImportPlan {
  readonly #places = new Map<string, Place>()
  readonly #closed: readonly Period[]
  readonly #now: Date

  private constructor(closed: readonly Period[], now: Date) {
    this.#closed = closed
    this.#now = now
  }

  /** Looks up how far each chain is known, and registers those that are not. */
  static async make(trx: Knex.Transaction, chains: readonly LocalChain[]): Promise<ImportPlan> {
    const closings = closingsOf(await readClosings(trx))
    const closed = closings.map(({ partition, from, to }) => ({
      name: partition,
      from: new Date(from),
      to: new Date(to),
    }))
    const plan = new ImportPlan(closed, await databaseTime(trx))
    const left = runsOfClosings(closings)
    for (const chain of chains) {
      const known = await knownHead(trx, chain, left)
      plan.#places.set(chain.writer_id, { known, run: undefined })
    }
    return plan
  }

  /** What is new, in the order of the file. */
  get runs(): NewRun[] {
    return [...this.#places.values()].flatMap(({ run }) => run ?? [])
  }

  /** Throws `conflict` for a row that may not be imported. */
  isWanted({ row, line }: LocalRow): boolean {
    const { writer_id, seq, hash } = row
    const place = this.#places.get(writer_id)
    if (!place) throw refused(line, 'the file changed while it was read')
    const { known, run } = place
    if (seq === known.seq && !hash.equals(known.hash))
      throw refused(line, `row ${seq} of writer ${writer_id} is not the one that was imported before`)
    if (seq <= known.seq) return false
    const reason = foreignTo(row) ?? this.#outOfTime(row.occurred_at)
    if (reason) throw refused(line, reason)
    place.run = run ? { ...run, last_seq: seq, hash } : { writer_id, first_seq: seq, last_seq: seq, hash }
    return true
  }

  #outOfTime(at: Date): string | undefined {
    const month = this.#closed.find(({ from, to }) => from <= at && at < to)
    if (month)
      return `its row is of ${at.toISOString()}, and ${month.name} was closed and dropped by retention`
    if (at.getTime() > this.#now.getTime() + AHEAD_MAX_MS)
      return `its row is of ${at.toISOString()}, which is yet to come by the clock of the database`
    return undefined
  }
}

/** Why no local log has such a row. */
function foreignTo(row: LocalRow['row']): string | undefined {
  if (!TYPES.includes(row.type)) return `a local log has no event ${row.type}`
  if (!ACTOR_KINDS.includes(row.actor_kind)) return `in a local log no ${row.actor_kind} acts`
  const named = NAMED_BY_SERVER.find((column) => row[column] !== null)
  if (named) return `it names a ${named}, and a local log knows none`
  if (row.client_id !== null && row.client_id !== CLIENT)
    return 'it names a client, and a local log knows none'
  if (!isClean(row)) return 'it has text that no log keeps: control characters, or too much'
  return undefined
}

/** Text is cleaned before it is hashed: whatever is not as it would be then was never written by a log. */
function isClean(row: LocalRow['row']): boolean {
  // Null is what is absent.
  const words = { ...row, actor: { kind: row.actor_kind } } as EventWords
  return eventBytes(normaliseEvent(words)) === eventBytes(row)
}

/** How far the chain is known already: in the table, or in months that were dropped. */
async function knownHead(trx: Knex.Transaction, chain: LocalChain, left: KnownRuns): Promise<ChainHead> {
  const { writer_id, last_seq, hash } = chain
  const stored = await storedChain(trx, writer_id)
  const known = headAfterRuns(left, stored.head ?? { writer_id, seq: 0, hash: GENESIS })
  if (stored.is_import === false || (stored.is_import === undefined && known.seq > 0))
    throw new AppError('conflict', `Writer ${writer_id} is one of this log's own; nothing was imported`)
  if (stored.is_import === undefined) await registerImported(trx, chain)
  if (known.seq <= last_seq) return known
  const there = await findLink(trx, writer_id, last_seq)
  const is_same = there ? there.hash.equals(hash) : isInRuns(left, { writer_id, seq: last_seq, hash })
  if (!is_same)
    throw new AppError(
      'conflict',
      `Row ${last_seq} of writer ${writer_id} is not the one that was imported before; nothing was imported`,
    )
  return known
}

function refused(line: number, reason: string): AppError {
  return new AppError('conflict', `Nothing was imported, because of line ${line}: ${reason}`)
}
