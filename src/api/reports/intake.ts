import type { Knex } from 'knex'
import type { AuditEvent } from '../../audit/events/audit-event.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { AppError } from '../../base/errors.ts'
import { SharedTrips } from '../../storage/shared-trips.ts'
import { commit, inTransaction } from '../../storage/transaction.ts'
import type { UsageRecorder } from '../../usage/usage.ts'
import type { ResourceServerSession } from '../introspection/resource-server-session.ts'
import { useOf } from '../introspection/use.ts'
import type { Report } from './report.ts'
import { eventOf } from './report-event.ts'
import { beginTaking, findKnownCalls, insertNew, nameOf } from './report-store.ts'

export type Posted = { server: ResourceServerSession; reports: readonly Report[]; ip: string | undefined }

export type Taken = { accepted: number; duplicates: number; refused: { id: string; reason: Unfit }[] }

/** Why a report is not taken, however often it comes. */
export type Unfit = 'too_old' | 'in_future'

export type IntakeDependencies = {
  db: Knex
  audit: Pick<AuditLog, 'appendIn'>
  /** A decision from a cache is a use as any other. */
  usage?: Pick<UsageRecorder, 'record'>
}

/** Few at a time, of few posts each, so that sign-ins and revocations find connections and chains are not held up. */
const LIMITS = { trips_max: 2, per_trip_max: 4, waiting_max: 64 }

const HOUR_MS = 3_600_000
/** Ids are remembered for seven days (storage/sweep.ts): whatever may still be taken is known if it came before. */
const AGE_MAX_MS = 6 * 24 * HOUR_MS
const AHEAD_MAX_MS = HOUR_MS

/** Takes reports: each once, in one transaction with its audit event. */
export class ReportIntake {
  readonly #dependencies: IntakeDependencies
  readonly #trips = new SharedTrips<Posted, Taken | undefined>((posts) => this.#trip(posts), LIMITS)

  constructor(dependencies: IntakeDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Resolves when they are committed. Throws `unauthenticated` for a resource server that ended meanwhile, `unavailable`
   * when too many wait or the audit log cannot be written, and what the database throws.
   */
  async take(posted: Posted): Promise<Taken> {
    const taken = await this.#trips.ask(posted)
    if (!taken) throw new AppError('unauthenticated', 'The credential of the resource server was replaced')
    return taken
  }

  async #trip(posts: Posted[]): Promise<(Taken | undefined)[]> {
    const { db, audit, usage } = this.#dependencies
    const { answers, events } = await inTransaction(
      db,
      (trx) => takeIn(trx, posts),
      (trx, made) => audit.appendIn(trx, made.events, () => commit(trx)),
    )
    const now_ms = Date.now()
    for (const event of events) {
      const use = useOf(event)
      if (use) usage?.record(use, now_ms)
    }
    return answers
  }
}

type Trip = { answers: (Taken | undefined)[]; events: AuditEvent[] }

async function takeIn(trx: Knex.Transaction, posts: readonly Posted[]): Promise<Trip> {
  const { now_ms, standing } = await beginTaking(
    trx,
    posts.map(({ server }) => server),
  )
  const answers = posts.map((_, index): Taken | undefined =>
    standing.has(index) ? { accepted: 0, duplicates: 0, refused: [] } : undefined,
  )
  const fit = posts.flatMap((posted, index) => fitReports(posted, answers[index], now_ms))
  const fresh = await insertNew(trx, fit.map(keyOf))
  const accepted = fit.filter((each) => {
    // The same id may stand twice in what came together.
    const is_new = fresh.delete(nameOf(keyOf(each)))
    each.taken[is_new ? 'accepted' : 'duplicates'] += 1
    return is_new
  })
  const known = await findKnownCalls(
    trx,
    accepted.map(({ report, server }) => ({ ...report, resource: server.resource })),
  )
  const events = accepted.map(({ report, server, ip }, index) => eventOf(report, server, known[index], ip))
  return { answers, events }
}

type Fit = { report: Report; server: ResourceServerSession; ip: string | undefined; taken: Taken }

function fitReports({ server, reports, ip }: Posted, taken: Taken | undefined, now_ms: number): Fit[] {
  if (!taken) return []
  return reports.flatMap((report) => {
    const reason = unfitness(report, now_ms)
    if (!reason) return [{ report, server, ip, taken }]
    taken.refused.push({ id: report.id, reason })
    return []
  })
}

function unfitness({ occurred_at_ms }: Report, now_ms: number): Unfit | undefined {
  if (occurred_at_ms < now_ms - AGE_MAX_MS) return 'too_old'
  return occurred_at_ms > now_ms + AHEAD_MAX_MS ? 'in_future' : undefined
}

function keyOf({ server, report }: Fit) {
  return { resource_server_id: server.id, id: report.id }
}
