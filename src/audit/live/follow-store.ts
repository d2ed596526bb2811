import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import { databaseTime } from '../integrity/checkpoints/checkpoint-store.ts'
import type { AuditFilter } from '../query/audit-filter.ts'
import { eventOfRow, filtered, type StoredRow } from '../query/audit-store.ts'

/** What processes tell each other: who wrote, and nothing of what. */
export const CHANNEL = 'toolgate_audit'

/** Wakes whoever follows the log. In a transaction of its own: a commit that notifies waits for every other that does. */
export async function announceWriters(db: Knex, writers: readonly string[]): Promise<void> {
  await db.raw('select pg_notify(?, writer_id) from unnest(?::text[]) as writer_id', [CHANNEL, [...writers]])
}

/**
 * Reading on from where one stood, without missing an event: rows of one writer become visible in the order of their
 * seq, so the last seq seen of each writer is a cursor. Times are not, because transactions commit out of order.
 */
type Head = { seq: number; at_ms: number }

/** The last row seen of each writer, and the moment from which rows of writers that are not in it are new. */
export type FollowPosition = { since_ms: number; heads: ReadonlyMap<string, Head> }

/** Clocks of processes may differ by this, and a transaction may last this long, before a follower misses an event. */
const WINDOW_MS = 60_000
/** Rows of one writer that one step looks at, whatever matches, so that its time has a bound. */
const SPAN_MAX = 20_000
const ROWS_MAX = 1_000
const WRITERS_MAX = 20

type Found = { writer_id: string; seq: string | number; occurred_at: Date }

/** Begins where a month does, so that it leaves out partitions and no row of those that are left. */
function monthOf(time_ms: number): Date {
  const time = new Date(time_ms)
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth()))
}

const EVERY_WRITER = `with recursive known as (
    (select writer_id from audit_events where occurred_at >= ? order by writer_id limit 1)
    union all
    select (select e.writer_id from audit_events e
            where e.writer_id > known.writer_id and e.occurred_at >= ? order by e.writer_id limit 1)
    from known where known.writer_id is not null)`

/** The newest row of each writer that wrote since the month of `since_ms`: one step through the primary key a writer. */
async function newestRows(db: Knex, since_ms: number, only?: readonly string[]): Promise<Found[]> {
  const month = monthOf(since_ms)
  const known = only
    ? { sql: 'with known as (select unnest(?::uuid[]) as writer_id)', bindings: [only] }
    : { sql: EVERY_WRITER, bindings: [month, month] }
  const { rows } = await db.raw(
    `${known.sql} select known.writer_id, newest.seq, newest.occurred_at
     from known cross join lateral (
       select seq, occurred_at from audit_events e
       where e.writer_id = known.writer_id and e.occurred_at >= ? order by seq desc limit 1) newest`,
    [...known.bindings, month] as never,
  )
  return rows
}

/** The position after everything that is committed now. */
export async function followFromNow(db: Knex): Promise<FollowPosition> {
  const since_ms = (await databaseTime(db)).getTime() - WINDOW_MS
  const rows = await newestRows(db, since_ms)
  const heads = rows.map((row): [string, Head] => [row.writer_id, headOf(row)])
  return { since_ms, heads: new Map(heads) }
}

function headOf({ seq, occurred_at }: Pick<Found, 'seq' | 'occurred_at'>): Head {
  return { seq: Number(seq), at_ms: occurred_at.getTime() }
}

/** The last row of a writer from before `since_ms`. Read backwards, over what is about to be read forwards anyway. */
async function headBefore(db: Knex, writer_id: string, since_ms: number): Promise<Head> {
  const row: Found | undefined = await db('audit_events')
    .where({ writer_id })
    .where('occurred_at', '>=', monthOf(since_ms))
    .whereRaw('occurred_at < ?', [new Date(since_ms)])
    .orderBy('seq', 'desc')
    .first('seq', 'occurred_at')
  return row ? headOf(row) : { seq: 0, at_ms: 0 }
}

type Step = { rows: StoredRow[]; head: Head; whole: boolean }

/** What matches after `from`, at most `limit` rows, and how far that got. */
async function readOn(
  db: Knex,
  filter: AuditFilter,
  { writer_id, from, newest, limit }: { writer_id: string; from: Head; newest: Head; limit: number },
): Promise<Step> {
  const end = Math.min(newest.seq, from.seq + SPAN_MAX)
  const rows = await filtered(db, filter)
    .where({ writer_id })
    .where('seq', '>', from.seq)
    .where('seq', '<=', end)
    .orderBy('seq')
    .limit(limit)
  const last = rows.at(-1)
  if (rows.length === limit && last) return { rows, head: headOf(last), whole: false }
  const whole = end === newest.seq
  return { rows, head: whole ? newest : { seq: end, at_ms: newest.at_ms }, whole }
}

/**
 * What was committed after `position`, about 1,000 events at most, and the position after them. Events of one writer
 * are in their order, those of several by time. `whole` is false when there is more. `only` names the writers to look at, where it is known who wrote; without it all are looked for.
 */
export async function followEvents(
  db: Knex,
  filter: AuditFilter,
  position: FollowPosition,
  only?: readonly string[],
): Promise<{ events: AuditRow[]; position: FollowPosition; whole: boolean }> {
  const now_ms = (await databaseTime(db)).getTime()
  const newest = await newestRows(db, position.since_ms, only)
  const moved = newest.filter((row) => {
    const seen = position.heads.get(row.writer_id)
    return seen ? Number(row.seq) > seen.seq : row.occurred_at.getTime() >= position.since_ms
  })
  const now_read = moved.slice(0, WRITERS_MAX)
  const limit = Math.ceil(ROWS_MAX / Math.max(1, now_read.length))
  const rows: StoredRow[] = []
  const heads = new Map(position.heads)
  let whole = moved.length <= WRITERS_MAX
  for (const row of now_read) {
    const { writer_id } = row
    const from = position.heads.get(writer_id) ?? (await headBefore(db, writer_id, position.since_ms))
    const step = await readOn(db, filter, { writer_id, from, newest: headOf(row), limit })
    rows.push(...step.rows)
    heads.set(writer_id, step.head)
    whole &&= step.whole
  }
  // Whoever looked at some writers only cannot say what the others did until now.
  const since_ms = whole && !only ? now_ms - WINDOW_MS : position.since_ms
  return { events: inOrder(rows), position: { since_ms, heads }, whole }
}

/** By time, but never one row of a writer before an earlier one, whatever its clock did. */
function inOrder(rows: readonly StoredRow[]): AuditRow[] {
  const latest = new Map<string, number>()
  const timed = rows.map((row) => {
    const at_ms = Math.max(row.occurred_at.getTime(), latest.get(row.writer_id) ?? 0)
    latest.set(row.writer_id, at_ms)
    return { event: eventOfRow(row), at_ms }
  })
  return timed.sort((one, other) => one.at_ms - other.at_ms).map(({ event }) => event)
}

const NAMED_MAX = 300

/**
 * A position as text. Writers that were silent since its moment need not be named, because all they write is new. Of
 * more than 300 the rest is left out: their last minute would be told again, and nothing missed.
 */
export function writePosition({ since_ms, heads }: FollowPosition): string {
  const recent = [...heads].filter(([, head]) => head.at_ms >= since_ms)
  const named = recent.sort(([, one], [, other]) => other.at_ms - one.at_ms).slice(0, NAMED_MAX)
  return [since_ms, ...named.map(([writer_id, { seq }]) => `${writer_id}.${seq}`)].join('~')
}

/** Each of the events that `followEvents` gave for `start`, with the position after it. */
export function* withPositions(
  { since_ms, heads }: FollowPosition,
  events: readonly AuditRow[],
): Generator<{ event: AuditRow; position: string }> {
  const passed = new Map([...heads].filter(([, head]) => head.at_ms >= since_ms))
  for (const event of events) {
    passed.set(event.writer_id, headOf(event))
    yield { event, position: writePosition({ since_ms, heads: passed }) }
  }
}

const POSITION = /^\d{1,15}(?:~[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d{1,15}){0,300}$/

/** Reads what `writePosition` wrote. Throws `invalid_input` for anything else. */
export function readPosition(text: string): FollowPosition {
  if (!POSITION.test(text))
    throw new AppError('invalid_input', 'The position is none that an event came with')
  const [since = '', ...named] = text.split('~')
  const since_ms = Number(since)
  const heads = named.map((each): [string, Head] => {
    const [writer_id = '', seq] = each.split('.')
    return [writer_id, { seq: Number(seq), at_ms: since_ms }]
  })
  return { since_ms, heads: new Map(heads) }
}
