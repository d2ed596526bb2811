import type { Knex } from 'knex'
import { newestRefusals } from '../audit/query/refusals-store.ts'
import {
  callsByHour,
  type HourOfCalls,
  mostCalledTools,
  type ToolUse,
} from '../audit/query/usage-hours-store.ts'
import type { AuditRow } from '../audit-chain/hash-chain.ts'
import type { GrantCount } from '../holders/holders.ts'
import {
  countLiveGrants,
  type ExpiringOperatorToken,
  type ExpiringPersonalToken,
  expiringOperatorTokens,
  expiringPersonalTokens,
  newestCheckpointAge,
} from './overview-store.ts'

/** What an operator sees first: what was called, what was refused, and what needs somebody soon. */
export type Overview = {
  hours: HourOfCalls[]
  denied_tools: ToolUse[]
  used_tools: ToolUse[]
  live_grants: GrantCount
  /** At most 20 of each, the next to expire first. */
  expiring: { personal_tokens: ExpiringPersonalToken[]; operator_tokens: ExpiringOperatorToken[] }
  /** Of the last 24 hours, at most 10. */
  refusals: AuditRow[]
  checkpoint: { created_at: Date | null; fresh: boolean }
}

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
): Promise<Overview> {
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
    refusals,
    checkpoint: { created_at: newest?.created_at ?? null, fresh },
  }
}
