import type { Knex } from 'knex'
import { z } from 'zod'
import { columnsOf, type PreparedStatement, runPrepared } from '../storage/prepared.ts'

/** SQL of what was used when: tools by grant, and calls by hour. Written in bulk from memory. */
export type ToolUseCount = {
  grant_id: string
  tool: string
  first_ms: number
  last_ms: number
  allowed: number
  denied: number
}

export type HourCount = { hour_ms: number; resource: string; tool: string; decision: string; calls: number }

/** Few enough to hold grants for some milliseconds only: refreshes of their families come later meanwhile. */
const ROWS_PER_STATEMENT = 1_000

// Grants are locked in the order of their ids, as in every revocation, and those that are gone are left out. A moment is
// written to the minute, because moving it on means to write all indexes of the row.
const ADD_TOOL_USES = {
  name: 'add-tool-uses',
  columns: ['grant_id', 'tool', 'first_ms', 'last_ms', 'allowed', 'denied'],
  text: `
with used as materialized (
  select grant_id, tool, to_timestamp(first_ms / 1000) as first_at, to_timestamp(last_ms / 1000) as last_at, allowed, denied
  from unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::bigint[], $6::bigint[])
    as u(grant_id, tool, first_ms, last_ms, allowed, denied)
), held as materialized (
  select id from grants where id = any($1::text[]) order by id for no key update
), seen as (
  select grant_id, max(last_at) as last_at from used group by grant_id
), marked as (
  update grants g set last_used_at = seen.last_at
  from seen join held on held.id = seen.grant_id
  where g.id = seen.grant_id
    and (g.last_used_at is null or g.last_used_at < seen.last_at - interval '1 minute')
)
insert into grant_tool_uses as t (grant_id, tool, first_used_at, last_used_at, allowed, denied)
select used.grant_id, used.tool, used.first_at, used.last_at, used.allowed, used.denied
from used join held on held.id = used.grant_id
order by used.grant_id, used.tool
on conflict (grant_id, tool) do update set
  first_used_at = least(t.first_used_at, excluded.first_used_at),
  last_used_at = greatest(t.last_used_at, excluded.last_used_at),
  allowed = t.allowed + excluded.allowed,
  denied = t.denied + excluded.denied`,
} as const

const ADD_HOURS = {
  name: 'add-usage-hours',
  columns: ['hour_ms', 'resource', 'tool', 'decision', 'calls'],
  text: `
insert into usage_hours as h (hour, resource, tool, decision, calls)
select to_timestamp(hour_ms / 1000), resource, tool, decision, calls
from unnest($1::float8[], $2::text[], $3::text[], $4::text[], $5::bigint[])
  as u(hour_ms, resource, tool, decision, calls)
order by 1, 2, 3, 4
on conflict (hour, resource, tool, decision) do update set calls = h.calls + excluded.calls`,
} as const

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

/**
 * Writes in steps, each a transaction of its own. What a step that fails and those after it held is given to `keep`, and
 * the failure is thrown.
 */
async function inSteps<Row>(
  db: Knex,
  { columns, ...statement }: PreparedStatement & { columns: readonly (keyof Row)[] },
  rows: readonly Row[],
  keep: (left: Row) => void,
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    try {
      const step = rows.slice(start, start + ROWS_PER_STATEMENT)
      await runPrepared(db, statement, columnsOf(step, ...columns))
    } catch (error) {
      rows.slice(start).forEach(keep)
      throw error
    }
  }
}

/** Adds to what grants have used, and moves their `last_used_at` on. Grants that are gone are skipped. */
export function addToolUses(
  db: Knex,
  counts: readonly ToolUseCount[],
  keep: (left: ToolUseCount) => void,
): Promise<void> {
  const ordered = counts.toSorted((one, other) => compare(one.grant_id, other.grant_id))
  return inSteps(db, ADD_TOOL_USES, ordered, keep)
}

export function addHours(
  db: Knex,
  counts: readonly HourCount[],
  keep: (left: HourCount) => void,
): Promise<void> {
  return inSteps(db, ADD_HOURS, counts, keep)
}

export const toolUse = z.object({
  tool: z.string().describe('Empty where no tool was called'),
  first_used_at: z.date(),
  last_used_at: z.date(),
  allowed: z.int(),
  denied: z.int(),
})
export type ToolUse = z.infer<typeof toolUse>

/** What a grant really used, latest first. */
export async function listToolUses(db: Knex, grant_id: string): Promise<ToolUse[]> {
  return db('grant_tool_uses')
    .where({ grant_id })
    .orderBy([{ column: 'last_used_at', order: 'desc' }, 'tool'])
    .limit(500)
    .select('tool', 'first_used_at', 'last_used_at', 'allowed', 'denied')
}
