import { perform } from '../../../actions/action.ts'
import { auditCallers } from '../../../actions/audit.ts'
import { validate } from '../../../http/validate.ts'
import { filledIn } from '../../filled-in.ts'
import type { Page, PageRoute } from '../../page.ts'
import { queryText, timeField } from './audit-query.ts'

/** Who called a tool, each with a way to the calls. */
const AT = '/operator/audit/callers'

async function showCallers(page: Page): Promise<void> {
  const query = filledIn(page.ctx.query)
  // A form to begin with, for who does not come from a tool.
  if (Object.keys(query).length === 0) return page.show('operator/audit-callers', { from: '', to: '' })
  const { tool, from, to } = validate(auditCallers.input, query)
  const { callers, counted_from } = await perform(auditCallers, page, page.caller, query)
  // The log finds who is named, not those who are not.
  const callsOf = (account_id: string | null, client_id: string | null) =>
    account_id === null || client_id === null
      ? undefined
      : page.href(`/operator/audit${queryText({ tool, account_id, client_id, from, to })}`)
  page.show('operator/audit-callers', {
    tool,
    from: timeField(from),
    to: timeField(to),
    is_last_week: from === undefined,
    callers: callers.map((caller) => ({
      ...caller,
      calls_href: callsOf(caller.account_id, caller.client_id),
    })),
    counted_from,
    older: counted_from && page.href(`${AT}${queryText({ tool, from, to: counted_from })}`),
  })
}

export const AUDIT_CALLERS_PAGES: readonly PageRoute[] = [
  { method: 'get', path: AT, needs: auditCallers.scope, handle: showCallers },
]
