import { perform } from '../../../actions/action.ts'
import { traceConnection } from '../../../actions/audit.ts'
import type { Page, PageRoute } from '../../page.ts'
import { eventRows } from './audit-rows.ts'

/** Everything behind the trace id that an error page showed. */
async function showTrace(page: Page): Promise<void> {
  const { id } = page.ctx.params
  const { events } = await perform(traceConnection, page, page.caller, { id })
  page.show('operator/audit-trace', { id, rows: await eventRows(page, events) })
}

export const AUDIT_TRACE_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator/audit/trace/:id', needs: traceConnection.scope, handle: showTrace },
]
