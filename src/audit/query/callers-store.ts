import type { Knex } from 'knex'
import { z } from 'zod'

/** Who called a tool: an account through a client, how often, and when last. */
export const callerSchema = z.object({
  account_id: z.string().nullable(),
  username: z.string().nullable(),
  client_id: z.string().nullable(),
  calls: z.int(),
  denied: z.int(),
  reported: z.int().describe('Of the calls, those that the MCP server decided and reported: its word'),
  last_at: z.date(),
})
export type Caller = z.infer<typeof callerSchema>

/** Few enough that the newest calls of the busiest tool are counted well within 200 ms. */
const CALLS_COUNTED = 5_000

type Counted = Caller & { edge: Date | null }

/** Two bounds instead of an equality, so that only the index by tool and time gives the order that is asked for. */
const NEWEST_CALLS = `
  select account_id, client_id, decision, occurred_at, detail->>'source' is not null as reported from audit_events
  where tool >= :tool and tool <= :tool and type <> 'tool.completed'
    and occurred_at >= cast(:from as timestamptz) and occurred_at < cast(:to as timestamptz)
  order by tool desc, occurred_at desc`

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
  const period = { tool, from, to: to ?? 'infinity' }
  const [callers, edge] = await countCallers(db, `${NEWEST_CALLS} limit :limit`, {
    ...period,
    limit: calls_counted + 1,
  })
  if (!edge) return { callers }
  if (callers.length > 0) return { callers, counted_from: new Date(edge.getTime() + 1) }
  // One moment has more calls than a page: it is a page of its own.
  const moment = { ...period, from: edge, limit: Number.MAX_SAFE_INTEGER }
  return { callers: (await countCallers(db, NEWEST_CALLS, moment))[0], counted_from: edge }
}

/** Counts all but the moment of the call that is one too many, and answers that moment. */
async function countCallers(
  db: Knex,
  newest: string,
  bindings: Record<string, string | number | Date>,
): Promise<[callers: Caller[], edge: Date | undefined]> {
  const { rows } = await db.raw(
    `with newest as materialized (${newest}),
          edge as (select case when count(*) >= cast(:limit as bigint) then min(occurred_at) end as edge from newest),
          counted as (
            select account_id, client_id, count(*)::int as calls,
                   (count(*) filter (where decision = 'denied'))::int as denied,
                   (count(*) filter (where reported))::int as reported, max(occurred_at) as last_at
            from newest, edge where edge.edge is null or newest.occurred_at > edge.edge
            group by account_id, client_id)
     select counted.*, accounts.username, edge.edge
     from edge left join counted on true left join accounts on accounts.id = counted.account_id
     order by counted.last_at desc`,
    bindings,
  )
  const counted: Counted[] = rows
  const callers = counted.flatMap(({ edge: _, ...caller }) => (caller.calls === null ? [] : [caller]))
  return [callers, counted[0]?.edge ?? undefined]
}

function sumOf(one: Caller, other: Caller) {
  return {
    calls: one.calls + other.calls,
    denied: one.denied + other.denied,
    reported: one.reported + other.reported,
  }
}

/** Two pages of callers, of which `older` is of the calls before: each caller once, with the counts of both. */
export function joinCallers(
  newer: { callers: Caller[] },
  older: { callers: Caller[]; counted_from?: Date | undefined },
): { callers: Caller[]; counted_from?: Date | undefined } {
  const keyOf = ({ account_id, client_id }: Caller) => JSON.stringify([account_id, client_id])
  const found = new Map(newer.callers.map((caller) => [keyOf(caller), caller]))
  for (const caller of older.callers) {
    const known = found.get(keyOf(caller))
    found.set(keyOf(caller), known ? { ...known, ...sumOf(known, caller) } : caller)
  }
  const { counted_from } = older
  return { callers: [...found.values()], ...(counted_from && { counted_from }) }
}
