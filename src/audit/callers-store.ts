import type { Knex } from 'knex'

/** Who called a tool: an account through a client, how often, and when last. */
export type Caller = {
  account_id: string | null
  username: string | null
  client_id: string | null
  calls: number
  denied: number
  last_at: Date
}

/** Few enough that the newest calls of the busiest tool are counted well within 200 ms. */
const CALLS_COUNTED = 5_000

/**
 * The callers of the newest 5,000 calls of a tool from `from` (inclusive) to `to` (exclusive), newest first. The
 * counts are exact for the calls from `counted_from` on; where that is given, older calls of the period follow with
 * `to: counted_from`. A moment is never split over two pages.
 */
export async function pageOfCallers(
  db: Knex,
  { tool, from, to }: { tool: string; from: Date; to?: Date | undefined },
  calls_counted = CALLS_COUNTED,
): Promise<{ callers: Caller[]; counted_from?: Date }> {
  const newest = db('audit_events').where({ tool }).where('occurred_at', '>=', from)
  if (to) newest.where('occurred_at', '<', to)
  const edge: { occurred_at: Date } | undefined = await newest
    .clone()
    .orderBy('occurred_at', 'desc')
    .offset(calls_counted)
    .first('occurred_at')
  const counted = newest.clone()
  // The moment of the first call that is too many goes to the next page as a whole, unless it is all there is.
  if (edge) counted.where('occurred_at', '>', edge.occurred_at)
  const callers = await countCallers(db, counted)
  if (!edge) return { callers }
  if (callers.length > 0) return { callers, counted_from: new Date(edge.occurred_at.getTime() + 1) }
  return {
    callers: await countCallers(db, newest.clone().where('occurred_at', '>=', edge.occurred_at)),
    counted_from: edge.occurred_at,
  }
}

async function countCallers(db: Knex, calls: Knex.QueryBuilder): Promise<Caller[]> {
  const counts = calls
    .groupBy('account_id', 'client_id')
    .select(
      'account_id',
      'client_id',
      db.raw('count(*)::int as calls'),
      db.raw("(count(*) filter (where decision = 'denied'))::int as denied"),
      db.raw('max(occurred_at) as last_at'),
    )
  return db
    .from(counts.as('counted'))
    .leftJoin('accounts', 'accounts.id', 'counted.account_id')
    .orderBy('last_at', 'desc')
    .select('counted.*', 'accounts.username')
}
