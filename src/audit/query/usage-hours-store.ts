import type { Knex } from 'knex'

/** Reads of usage_hours, which counts calls while they happen: a hint for people, not evidence. */

const COUNTS = `
  coalesce(sum(calls) filter (where decision = 'allowed'), 0)::float8 as allowed,
  coalesce(sum(calls) filter (where decision = 'denied'), 0)::float8 as denied`

/** One hour; `other` is everything that was neither allowed nor denied. */
export type HourOfCalls = { hour: Date; allowed: number; denied: number; other: number }

/** The last `hours` hours up to the one that runs, oldest first, those without calls too. */
export async function callsByHour(db: Knex, hours: number): Promise<HourOfCalls[]> {
  const { rows } = await db.raw<{ rows: HourOfCalls[] }>(
    `select hours.hour, ${COUNTS},
            coalesce(sum(calls) filter (where decision not in ('allowed', 'denied')), 0)::float8 as other
     from generate_series(date_trunc('hour', now()) - make_interval(hours => :hours - 1),
                          date_trunc('hour', now()), interval '1 hour') as hours(hour)
     left join usage_hours u on u.hour = hours.hour
     group by hours.hour order by hours.hour`,
    { hours },
  )
  return rows
}

export type ToolUse = { resource: string; tool: string; calls: number }

/** The tools with the most calls that were decided so, within the last `days`. */
export async function mostCalledTools(
  db: Knex,
  { decision, days, limit }: { decision: 'allowed' | 'denied'; days: number; limit: number },
): Promise<ToolUse[]> {
  const { rows } = await db.raw<{ rows: ToolUse[] }>(
    `select resource, tool, sum(calls)::float8 as calls from usage_hours
     where hour >= now() - make_interval(days => ?) and decision = ? and tool <> ''
     group by resource, tool order by calls desc, resource, tool limit ?`,
    [days, decision, limit],
  )
  return rows
}

export type CallCounts = { allowed: number; denied: number }

/** Calls of the last `hours` hours, by resource. What was never called is missing. */
export async function callsByResource(db: Knex, hours: number): Promise<Map<string, CallCounts>> {
  const { rows } = await db.raw<{ rows: ({ resource: string } & CallCounts)[] }>(
    `select resource, ${COUNTS} from usage_hours where hour > now() - make_interval(hours => ?) group by resource`,
    [hours],
  )
  return new Map(rows.map(({ resource, ...counts }) => [resource, counts]))
}

/** The most called tools of one resource in the last `hours` hours. */
export async function toolsOfResource(
  db: Knex,
  { resource, hours, limit }: { resource: string; hours: number; limit: number },
): Promise<({ tool: string } & CallCounts)[]> {
  const { rows } = await db.raw<{ rows: ({ tool: string } & CallCounts)[] }>(
    `select tool, ${COUNTS} from usage_hours
     where hour > now() - make_interval(hours => ?) and resource = ? and tool <> ''
     group by tool order by sum(calls) desc, tool limit ?`,
    [hours, resource, limit],
  )
  return rows
}
