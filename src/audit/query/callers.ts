import type { Knex } from 'knex'
import { type Caller, pageOfCallers } from './callers-store.ts'

/** Larger than a page that somebody waits for: each page looks for its end before it counts. */
const CALLS_COUNTED = 50_000

/**
 * Everybody who called a tool in a period, newest first, with exact counts: page by page, so that no statement is
 * long. Memory grows with the callers, not with the calls. `on_progress` hears the calls counted so far.
 */
export async function allCallers(
  db: Knex,
  period: { tool: string; from: Date; to?: Date | undefined },
  on_progress: (progress: { calls: number }) => void = () => {},
): Promise<Caller[]> {
  const found = new Map<string, Caller>()
  let to = period.to
  let calls = 0
  for (;;) {
    const page = await pageOfCallers(db, { ...period, to }, CALLS_COUNTED)
    for (const caller of page.callers) {
      const key = JSON.stringify([caller.account_id, caller.client_id])
      const known = found.get(key)
      calls += caller.calls
      if (!known) found.set(key, caller)
      else
        found.set(key, { ...known, calls: known.calls + caller.calls, denied: known.denied + caller.denied })
    }
    on_progress({ calls })
    if (!page.counted_from) return [...found.values()]
    to = page.counted_from
  }
}
