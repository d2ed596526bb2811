import type { Knex } from 'knex'
import { isReported, isUnknownTool } from '../../../audit/events/tool.ts'
import type { EventDocument } from '../../../audit/export/json-lines.ts'
import { accountNames } from '../../../audit/story/story-store.ts'
import { actorText } from '../../../audit-chain/actor.ts'

/** An event as a row of a table. The page that follows the log makes the same row from the same texts. */
export type EventRow = {
  id: string
  href: string
  /** ISO 8601, and as people read it. */
  at: string
  time: string
  type: string
  /** Of a call that ended, its outcome. */
  decision: string
  badge: '' | 'badge-good' | 'badge-warn' | 'badge-danger'
  who: string
  client: string
  /** The tool, else the resource. */
  what: string
}

type Href = (path: string) => string

const BADGES: Readonly<Record<string, EventRow['badge']>> = {
  allowed: 'badge-good',
  active: 'badge-good',
  denied: 'badge-danger',
  ok: 'badge-good',
  tool_error: 'badge-warn',
  protocol_error: 'badge-warn',
  http_error: 'badge-warn',
  aborted: 'badge-warn',
  inactive: 'badge-warn',
}

export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** What the rows show of an event. */
type Shown = Omit<EventDocument, 'prev_hash' | 'hash'>

/** In the order of the events, with the usernames of those that have one. */
export async function eventRows(
  { db, href }: { db: Knex; href: Href },
  events: readonly Shown[],
): Promise<EventRow[]> {
  const ids = events.map(({ account_id }) => account_id).filter((id) => id !== null)
  const names = await accountNames(db, [...new Set(ids)])
  return events.map((event) => eventRow(event, href, names.get(event.account_id ?? '')))
}

/** What came of a call is its outcome, where others have a decision. */
function outcomeOf({ type, detail }: Shown): string {
  return type === 'tool.completed' && typeof detail?.outcome === 'string' ? detail.outcome : ''
}

function eventRow(event: Shown, href: Href, username: string | undefined): EventRow {
  const { id, occurred_at, type } = event
  const decision = event.decision ?? outcomeOf(event)
  const said = isReported(event.detail) ? ' (the server says)' : ''
  const unknown = isUnknownTool(event) ? ' (in no scope)' : ''
  return {
    id,
    href: href(`/operator/audit/events/${id}`),
    at: occurred_at.toISOString(),
    time: timeText(occurred_at),
    type,
    decision: decision.replaceAll('_', ' ') + said,
    badge: (Object.hasOwn(BADGES, decision) && BADGES[decision]) || '',
    who: username ?? event.account_id ?? actorText(event.actor_kind, event.actor_id),
    client: event.client_id ?? '',
    what: (event.tool ?? event.resource ?? '') + unknown,
  }
}
