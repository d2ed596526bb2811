import { z } from 'zod'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { definitionOf } from '../events/audit-event.ts'
import { isReported } from '../events/tool.ts'

const textOrNull = z.string().nullable()

/** Many calls as few lines: what a story says between two things that happened. */
export const callGroup = z.object({
  kind: z.literal('calls'),
  from: z.date(),
  to: z.date(),
  grant_id: textOrNull,
  token_id: textOrNull,
  client_id: textOrNull,
  resource: textOrNull,
  called: textOrNull.describe('The tool, else the MCP method'),
  count: z.int(),
  denied: z.int().describe('Of those, refused for want of a scope'),
  inactive: z.int().describe('Of those, asked with a token that was not live'),
  completed: z.int().describe('Reports here of what came of calls, whose decisions may stand before'),
  reported: z.int().describe('Of those counted, decided by the resource server and reported: its word'),
  failed: z.int().describe('Of those reports, not ok'),
})
export type CallGroup = z.infer<typeof callGroup>

export type ToldEvent = { kind: 'event'; event: AuditRow }

const GROUPS_MAX = 200
/** So that a long quiet story still says when its calls were. */
const GROUP_SPAN_MS = 24 * 60 * 60 * 1_000

export function isFrequent({ type }: AuditRow): boolean {
  return definitionOf(type)?.is_frequent === true
}

function calledIn({ tool, detail }: AuditRow): string | null {
  return tool ?? (typeof detail?.method === 'string' ? detail.method : null)
}

const NOTHING_YET = { count: 0, denied: 0, inactive: 0, completed: 0, failed: 0, reported: 0 }

function count({ type, decision, detail }: AuditRow, group: CallGroup): void {
  if (type === 'tool.completed') {
    group.completed += 1
    if (detail?.outcome !== 'ok') group.failed += 1
    return
  }
  group.count += 1
  if (isReported(detail)) group.reported += 1
  if (decision === 'denied') group.denied += 1
  if (decision === 'inactive') group.inactive += 1
}

/** Takes events in order and gives them back in order, calls of one tool with one token between two others as one. */
export async function* groupCalls(events: AsyncIterable<AuditRow>): AsyncGenerator<ToldEvent | CallGroup> {
  const open = new Map<string, CallGroup>()
  const close = () => {
    const groups = [...open.values()]
    open.clear()
    return groups
  }
  for await (const event of events) {
    const [oldest] = open.values()
    const is_long = oldest && event.occurred_at.getTime() - oldest.from.getTime() > GROUP_SPAN_MS
    if (is_long || open.size >= GROUPS_MAX || !isFrequent(event)) yield* close()
    if (!isFrequent(event)) {
      yield { kind: 'event', event }
      continue
    }
    const { occurred_at: at, grant_id, token_id, client_id, resource } = event
    const ids = { grant_id, token_id, client_id, resource, called: calledIn(event) }
    const key = JSON.stringify(ids)
    const group = open.get(key) ?? { kind: 'calls', from: at, to: at, ...ids, ...NOTHING_YET }
    open.set(key, group)
    group.to = at
    count(event, group)
  }
  yield* close()
}

/** Sequences that are each in the order of time, as one. What is of the same moment keeps the order of the sources. */
export async function* mergeByTime(sources: readonly AsyncGenerator<AuditRow>[]): AsyncGenerator<AuditRow> {
  const heads: { source: AsyncGenerator<AuditRow>; event: AuditRow }[] = []
  try {
    for (const source of sources) {
      const { value, done } = await source.next()
      if (!done) heads.push({ source, event: value })
    }
    while (heads.length > 0) {
      const first = heads.reduce((one, other) =>
        other.event.occurred_at < one.event.occurred_at ? other : one,
      )
      yield first.event
      const { value, done } = await first.source.next()
      if (done) heads.splice(heads.indexOf(first), 1)
      else first.event = value
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)))
  }
}
