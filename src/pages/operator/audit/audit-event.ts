import { perform } from '../../../actions/action.ts'
import { showEvent, verifyAudit } from '../../../actions/audit.ts'
import type { EventDocument } from '../../../audit/export/json-lines.ts'
import { eventSentence } from '../../../audit/story/story-text.ts'
import { actorText } from '../../../audit-chain/actor.ts'
import { filledIn } from '../../filled-in.ts'
import type { Page, PageRoute } from '../../page.ts'
import { queryText, timeField } from './audit-query.ts'
import { eventRows, timeText } from './audit-rows.ts'

/** One event with all that is kept of it, and whether the log is still what was written. */
type Fact = {
  label: string
  value: string
  note?: string | undefined
  links: { label: string; href: string }[]
}

const DAY_MS = 86_400_000

function factsOf(
  page: Page,
  event: EventDocument,
  { username, client_name }: { username?: string | undefined; client_name?: string | undefined },
): Fact[] {
  const story = (label: string, id: string) => ({
    label,
    href: page.href(`/operator/audit/story/${encodeURIComponent(id)}`),
  })
  const trace = (id: string) => ({
    label: 'Trace',
    href: page.href(`/operator/audit/trace/${encodeURIComponent(id)}`),
  })
  const search = (label: string, filter: Parameters<typeof queryText>[0]) => ({
    label,
    href: page.href(`/operator/audit${queryText(filter)}`),
  })
  const { account_id, client_id, grant_id, token_id, request_id, resource, tool } = event
  const actor = actorText(event.actor_kind, event.actor_id)
  const facts: [label: string, value: string | null, links?: Fact['links'], note?: string | undefined][] = [
    ['Actor', actor, [search('Events of this actor', { actor })]],
    ['Account', account_id, account_id ? [story('Story of this account', account_id)] : [], username],
    ['Client', client_id, client_id ? [search('Events of this client', { client_id })] : [], client_name],
    ['Resource', resource, resource ? [search('Events of this resource', { resource })] : []],
    ['Tool', tool, tool ? [search('Calls of this tool', { tool })] : []],
    ['Scope', event.scope],
    ['Grant', grant_id, grant_id ? [story('Story of this grant', grant_id)] : []],
    ['Token (SHA-256)', token_id, token_id ? [story('Story of this token', `sha256:${token_id}`)] : []],
    [
      'Request',
      request_id,
      request_id ? [search('Events of this request', { request_id }), trace(request_id)] : [],
    ],
    ['IP address', event.ip],
    ['Writer', event.writer_id],
    ['Row of this writer', String(event.seq)],
    ['Hash of the row before', event.prev_hash],
    ['Hash', event.hash],
  ]
  return facts.flatMap(([label, value, links = [], note]) =>
    value === null ? [] : [{ label, value, links, note }],
  )
}

async function showOne(page: Page): Promise<void> {
  const { event, before, after, ...names } = await perform(showEvent, page, page.caller, page.ctx.params)
  const [rows, [row]] = await Promise.all([
    eventRows(page, [...before, event, ...after].toReversed()),
    eventRows(page, [event]),
  ])
  page.show('operator/audit-event', {
    event,
    row,
    sentence: eventSentence({ event, ...names }),
    facts: factsOf(page, event, names),
    detail: event.detail && JSON.stringify(event.detail, null, 2),
    rows,
    explain: event.decision === 'denied' ? page.href(`/operator/audit/explain/${event.id}`) : undefined,
  })
}

async function showVerification(page: Page): Promise<void> {
  const now_ms = Date.now()
  const { from = timeField(new Date(now_ms - DAY_MS)), to = timeField(new Date(now_ms)) } = filledIn(
    page.ctx.query,
  )
  page.show('operator/audit-verify', {
    from: String(from).replace(/Z$/, ''),
    to: String(to).replace(/Z$/, ''),
  })
}

async function verify(page: Page): Promise<void> {
  const { csrf: _, ...period } = page.form.toObject()
  const result = await perform(verifyAudit, page, page.caller, filledIn(period))
  const { from, to, faults } = result
  const first = faults[0]
  page.show('operator/audit-verify', {
    from: timeField(from),
    to: timeField(to),
    result,
    period: [from, to].map((time) => ({ at: time.toISOString(), text: timeText(time) })),
    first: first && {
      ...first,
      href: first.event_id && page.href(`/operator/audit/events/${first.event_id}`),
    },
    go_on: result.cut_short ? page.href(`/operator/audit/verify?from=${to.toISOString()}`) : undefined,
  })
}

const VERIFY = '/operator/audit/verify'

export const AUDIT_EVENT_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator/audit/events/:id', needs: 'operator:read', handle: showOne },
  { method: 'get', path: VERIFY, needs: 'operator:read', handle: showVerification },
  { method: 'post', path: VERIFY, needs: 'operator:read', handle: verify },
]
