import type { Knex } from 'knex'
import { z } from 'zod'
import { eventDocument } from '../audit/export/json-lines.ts'
import { newestRefusals } from '../audit/query/refusals-store.ts'
import { callsByHour, mostCalledTools } from '../audit/query/usage-hours-store.ts'
import { grantCount } from '../holders/holders.ts'
import {
  countLiveGrants,
  expiringOperatorToken,
  expiringOperatorTokens,
  expiringPersonalToken,
  expiringPersonalTokens,
  newestCheckpointAge,
} from './overview-store.ts'

const calls = z.number()
const tool = z.object({ resource: z.string(), tool: z.string(), calls })

/** What an operator sees first: what was called, what was refused, and what needs somebody soon. */
export const overviewSchema = z.object({
  hours: z
    .array(z.object({ hour: z.date(), allowed: calls, denied: calls, other: calls }))
    .describe('Calls of the last 24 hours'),
  denied_tools: z.array(tool).describe('Most denied in seven days'),
  used_tools: z.array(tool).describe('Most called in seven days'),
  live_grants: grantCount.describe('Counted up to 10,000 and estimated beyond'),
  expiring: z
    .object({
      personal_tokens: z.array(expiringPersonalToken),
      operator_tokens: z.array(expiringOperatorToken),
    })
    .describe('Within 14 days, at most 20 of each'),
  refusals: z.array(z.record(z.string(), z.unknown())).describe('The newest of 24 hours, at most 10'),
  checkpoint: z
    .object({ created_at: z.date().nullable(), fresh: z.boolean() })
    .describe('The newest signed checkpoint of the audit log'),
})

const HOURS = 24
const DAYS = 7
const EXPIRES_WITHIN_DAYS = 14
const TOOLS_MAX = 10
const EXPIRING_MAX = 20
const REFUSALS_MAX = 10
const GRANTS_COUNTED_MAX = 10_000
const DEFAULT_INTERVAL_SECONDS = 60
/** A late timer and a slow statement are no reason to worry. */
const GRACE_SECONDS = 60

/** All of it by indexes and bounded counts. Grants beyond 10,000 are estimated. */
export async function overview(
  db: Knex,
  checkpoint_interval_seconds = DEFAULT_INTERVAL_SECONDS,
): Promise<z.infer<typeof overviewSchema>> {
  const tools = { days: DAYS, limit: TOOLS_MAX }
  const soon = { days: EXPIRES_WITHIN_DAYS, limit: EXPIRING_MAX }
  const [hours, denied_tools, used_tools, live_grants, personal_tokens, operator_tokens, refusals, newest] =
    await Promise.all([
      callsByHour(db, HOURS),
      mostCalledTools(db, { ...tools, decision: 'denied' }),
      mostCalledTools(db, { ...tools, decision: 'allowed' }),
      countLiveGrants(db, GRANTS_COUNTED_MAX),
      expiringPersonalTokens(db, soon),
      expiringOperatorTokens(db, soon),
      newestRefusals(db, { hours: HOURS, limit: REFUSALS_MAX }),
      newestCheckpointAge(db),
    ])
  const age_max_seconds = 2 * checkpoint_interval_seconds + GRACE_SECONDS
  const fresh = newest !== undefined && newest.age_seconds <= age_max_seconds
  return {
    hours,
    denied_tools,
    used_tools,
    live_grants,
    expiring: { personal_tokens, operator_tokens },
    refusals: refusals.map(eventDocument),
    checkpoint: { created_at: newest?.created_at ?? null, fresh },
  }
}
