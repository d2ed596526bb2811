import { z } from 'zod'
import { reviewPageSession } from '../../../accounts/sessions/page-sessions.ts'
import { perform } from '../../../actions/action.ts'
import { eventFilter, pastEventFilter, searchAudit, withAccountId } from '../../../actions/audit.ts'
import { cursor } from '../../../actions/fields.ts'
import { sendEventStream, sendExport } from '../../../api/operator-api/audit-streams.ts'
import { operatorScopesOf } from '../../../api/operator-api/operator-resource.ts'
import { AUDIT_TYPES, DECISIONS } from '../../../audit/events/audit-event.ts'
import { validate } from '../../../http/validate.ts'
import { filledIn } from '../../filled-in.ts'
import type { Page, PageRoute } from '../../page.ts'
import { queryText, timeField } from './audit-query.ts'
import { eventRows } from './audit-rows.ts'

/** The audit log: looked through, followed live, and kept as a file. */
const ExplorerQuery = z.strictObject({ ...pastEventFilter, after: cursor.optional() })
const FollowQuery = z.strictObject(eventFilter)
const ExportQuery = z.strictObject({ ...pastEventFilter, format: z.enum(['csv', 'jsonl']) })

const ROWS = 50
const NEEDS = 'operator:read'

async function showExplorer(page: Page): Promise<void> {
  const typed = filledIn(page.ctx.query)
  const { after, ...filter } = await withAccountId(page.db, validate(ExplorerQuery, typed))
  const found = await perform(searchAudit, page, page.caller, { ...typed, limit: ROWS })
  const { from, to, ...narrowed } = filter
  const link = (path: string, parameters: Parameters<typeof queryText>[0]) =>
    page.href(`/operator/audit${path}${queryText(parameters)}`)
  page.show('operator/audit', {
    types: AUDIT_TYPES,
    decisions: DECISIONS,
    filter: { ...filter, account_id: typed.account_id, from: timeField(from), to: timeField(to) },
    is_filtered: Object.keys(typed).length > 0,
    rows: await eventRows(page, found.events),
    searched_to: found.searched_to,
    older: found.next && link('', { ...filter, after: found.next }),
    newest: after && link('', filter),
    callers: link('/callers', narrowed.tool === undefined ? {} : { tool: narrowed.tool, from, to }),
    export_csv: link('/export', { ...filter, format: 'csv' }),
    export_jsonl: link('/export', { ...filter, format: 'jsonl' }),
    // What is over, or not the newest, cannot go on.
    follow: after === undefined && to === undefined ? link('/follow', narrowed) : undefined,
  })
}

/** Whether who opened this page is still signed in and may still see it. */
async function isStillAuthorized({ db, session }: Page): Promise<boolean> {
  const now = await reviewPageSession(db, session)
  return now !== undefined && operatorScopesOf(now.roles).has(NEEDS)
}

async function follow(page: Page, check_ms: number | undefined): Promise<void> {
  const { ctx, db, feed } = page
  await sendEventStream(ctx, {
    db,
    feed,
    filter: validate(FollowQuery, filledIn(ctx.query)),
    tell: async (events) => (await eventRows(page, events)).map((data) => ({ data })),
    isStillAuthorized: () => isStillAuthorized(page),
    check_ms,
  })
}

async function download(page: Page, check_ms: number | undefined): Promise<void> {
  const { format, ...filter } = validate(ExportQuery, filledIn(page.ctx.query))
  const caller = { isStillAuthorized: () => isStillAuthorized(page), check_ms }
  sendExport(page.ctx, { db: page.db, format, filter, ...caller })
}

/** `check_ms`: how often long answers ask whether the caller is still authorized. */
export function auditPages({ check_ms }: { check_ms?: number } = {}): PageRoute[] {
  return [
    { method: 'get', path: '/operator/audit', needs: NEEDS, handle: showExplorer },
    { method: 'get', path: '/operator/audit/follow', needs: NEEDS, handle: (page) => follow(page, check_ms) },
    {
      method: 'get',
      path: '/operator/audit/export',
      needs: NEEDS,
      handle: (page) => download(page, check_ms),
    },
  ]
}

export const AUDIT_PAGES: readonly PageRoute[] = auditPages()
