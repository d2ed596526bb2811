import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type ChainHead, extendChain, GENESIS } from '../../audit-chain/hash-chain.ts'
import { ROW_COLUMNS } from '../../audit-chain/row-bytes.ts'
import { writerClosed, writerStarted, writerStopped } from '../../audit-chain/witness.ts'
import { copyIn, copyInAndCommit } from '../../storage/wire.ts'

/**
 * The life of a writer. It lives as long as its session, on which it holds a lock and by which it inserts: when the
 * session ends, Postgres frees the lock, and nothing more comes through it. Whoever starts next names in its own
 * chain the last rows of the chains whose writers are gone.
 */
const LOCK_KEY = (writer_id: string) => `hashtextextended('toolgate audit writer ' || ${writer_id}, 0)`
const CLAIM = `select pg_try_advisory_lock(${LOCK_KEY('$1')}) as claimed`

/**
 * So that Postgres frees the lock of a machine that fell silent within two minutes, and never of one that is idle.
 */
const SETTINGS = `set tcp_keepalives_idle = 60; set tcp_keepalives_interval = 15; set tcp_keepalives_count = 4;
  set idle_session_timeout = 0`
/** A connection that fell silent is noticed by asking; the process then goes on as a new writer. */
const PING_MS = 30_000
const GOODBYE_MS = 1_000

const REGISTER = 'insert into audit_writers (writer_id, process) values ($1, $2)'

/** Chains that ended and that no row names yet, or not up to their end, with their last rows. */
const ENDED = `
  with waiting as materialized (
    select writer_id, stopped_at from audit_writers w
    where writer_id <> all ($1::uuid[])
      and (closed_at is null or stopped_at is null)
      and (closed_at is null or exists (
        select from audit_events e where e.writer_id = w.writer_id and e.seq > w.closed_seq))
    order by started_at limit 500
    for update of w skip locked
  ), ended as materialized (
    select writer_id, stopped_at is not null as is_stopped from waiting
    where stopped_at is not null or pg_try_advisory_xact_lock(${LOCK_KEY('writer_id::text')})
  )
  select ended.writer_id, is_stopped, coalesce(last.seq, 0) as seq, last.hash
  from ended left join lateral (
    select seq, hash, occurred_at from audit_events e
    where e.writer_id = ended.writer_id order by seq desc limit 1) last on true
  order by last.occurred_at desc nulls last`

const NEWEST_CLOSED = `
  select w.writer_id, e.seq, e.hash
  from (select writer_id, closed_seq from audit_writers where closed_at is not null
        order by closed_at desc limit 1) w
  join audit_events e on e.writer_id = w.writer_id and e.seq = w.closed_seq`

const CLOSE = `
  update audit_writers w set closed_at = now(), closed_by = $1, closed_seq = ended.seq
  from unnest($2::uuid[], $3::bigint[]) as ended(writer_id, seq) where w.writer_id = ended.writer_id`

const STOP = 'update audit_writers set stopped_at = now() where writer_id = $1'

type Ended = ChainHead & { is_stopped: boolean }
type StoredHead = { writer_id: string; seq: string | number; hash: Buffer | null }

/** Inserts rows that `extendChain` made; answers how many Postgres took. */
export function insertRows(client: pg.ClientBase, tuples: Buffer): Promise<number> {
  return copyIn(client, 'audit_events', ROW_COLUMNS, tuples)
}

/** The same, and commits the transaction that the connection is in, in one round trip. */
export function insertRowsAndCommit(client: pg.ClientBase, tuples: Buffer): Promise<number> {
  return copyInAndCommit(client, 'audit_events', ROW_COLUMNS, tuples)
}

export class WriterSession {
  readonly #client: pg.Client
  #ping: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined
  #is_inserting = false
  #is_lost = false

  private constructor(client: pg.Client) {
    this.#client = client
    // Without a listener a lost connection would end the process.
    for (const event of ['error', 'end'] as const) client.on(event, () => this.#lose())
  }

  /**
   * Begins the chain `writer_id`: a connection like those of `pool`, and in one transaction the registration, the
   * first row, and a row for each chain that ended unnamed. `predecessor` is the chain that this process wrote
   * before. Throws what Postgres throws; whether something was committed is then unknown.
   */
  static async start(
    pool: pg.Pool,
    writer_id: string,
    predecessor: ChainHead | undefined,
  ): Promise<{ session: WriterSession; head: ChainHead }> {
    const client = new pg.Client(pool.options)
    const session = new WriterSession(client)
    try {
      await client.connect()
      await pool.options.onConnect?.(client)
      await client.query(SETTINGS)
      const { rows } = await client.query<{ claimed: boolean }>(CLAIM, [writer_id])
      if (!rows[0]?.claimed) throw new Error('another process writes as this writer')
      const name = `${pool.options.application_name ?? 'toolgate'} ${process.pid}@${hostname()}`
      const head = await session.#transaction(() => session.#begin(writer_id, name, predecessor))
      session.#ping = setInterval(() => session.#ask(), PING_MS).unref()
      return { session, head }
    } catch (error) {
      session.end()
      throw error
    }
  }

  /** Whether the connection is gone, and with it the claim to the chain. */
  get is_lost(): boolean {
    return this.#is_lost
  }

  async insert(tuples: Buffer): Promise<number> {
    await this.#asking
    this.#is_inserting = true
    try {
      return await insertRows(this.#client, tuples)
    } finally {
      this.#is_inserting = false
    }
  }

  /** Ends the chain in order, behind `head`, and then the session. Throws when that could not be written. */
  async stop(head: ChainHead): Promise<void> {
    clearInterval(this.#ping)
    await this.#asking
    try {
      await this.#transaction(async () => {
        await this.insert(extendChain(head, [writerStopped()], new Date()).tuples)
        await this.#client.query(STOP, [head.writer_id])
      })
    } finally {
      await Promise.race([this.#client.end(), delay(GOODBYE_MS, undefined, { ref: false })])
    }
  }

  /** Ends the session at once; the chain stays open until the next writer closes it. */
  end(): void {
    this.#lose()
    this.#client.end().catch(() => undefined)
  }

  #lose(): void {
    this.#is_lost = true
    clearInterval(this.#ping)
  }

  /** Not while rows are on their way: they tell as much, and one connection does one thing at a time. */
  #ask(): void {
    if (this.#is_inserting || this.#asking) return
    this.#asking = this.#client.query('select 1').then(
      () => undefined,
      () => this.end(),
    )
    void this.#asking.then(() => {
      this.#asking = undefined
    })
  }

  async #transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.#client.query('begin')
    const result = await work()
    await this.#client.query('commit')
    return result
  }

  async #begin(writer_id: string, name: string, own: ChainHead | undefined): Promise<ChainHead> {
    await this.#client.query(REGISTER, [writer_id, name])
    // What this process wrote before may still be on its way to disk; somebody later names its end.
    const apart = [writer_id, ...(own ? [own.writer_id] : [])]
    const found = await this.#client.query<StoredHead & { is_stopped: boolean }>(ENDED, [apart])
    const ended = found.rows.map((row): Ended => ({ ...headOf(row), is_stopped: row.is_stopped }))
    const newest = ended.find(({ seq }) => seq > 0)
    const predecessor = own ?? newest ?? (await this.#newestClosed())
    // To be named as a predecessor is enough for a chain that ended in order.
    const closed = ended.filter((chain) => !(chain === predecessor && chain.is_stopped))
    const events = [
      writerStarted(name, predecessor),
      ...closed.map((chain) => writerClosed(chain, chain.is_stopped)),
    ]
    const chain = extendChain({ writer_id, seq: 0, hash: GENESIS }, events, new Date())
    await this.insert(chain.tuples)
    const ends = [ended.map((chain) => chain.writer_id), ended.map((chain) => chain.seq)]
    if (ended.length > 0) await this.#client.query(CLOSE, [writer_id, ...ends])
    return chain.head
  }

  async #newestClosed(): Promise<ChainHead | undefined> {
    const { rows } = await this.#client.query<StoredHead>(NEWEST_CLOSED)
    return rows[0] && headOf(rows[0])
  }
}

function headOf({ writer_id, seq, hash }: StoredHead): ChainHead {
  return { writer_id, seq: Number(seq), hash: hash ?? GENESIS }
}
