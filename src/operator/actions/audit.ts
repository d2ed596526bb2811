import { z } from 'zod'
import { auditTypeSchema, DECISIONS } from '../../audit/audit-event.ts'
import { eventDocument } from '../../audit/export/json-lines.ts'
import { pageEvents } from '../../audit/reading/audit-store.ts'
import { pageOfCallers } from '../../audit/reading/callers-store.ts'
import { tellStory } from '../../audit/story/story.ts'
import { storyDocument } from '../../audit/story/story-document.ts'
import { subjectOf } from '../../audit/story/story-subject.ts'
import { type ActionContext, defineAction } from '../action.ts'
import { cursor, text, time } from './fields.ts'

const limit = z.coerce.number().int().min(1).max(1_000).default(100)
const period = { from: time.optional(), to: time.optional() }

/** What events are looked for by; also what a stream of new ones can be narrowed by. */
export const eventFilter = {
  type: auditTypeSchema.optional(),
  account_id: text.optional(),
  client_id: text.optional(),
  grant_id: text.optional(),
  token_id: text.optional(),
  tool: text.optional(),
  resource: text.optional(),
  decision: z.enum(DECISIONS).optional(),
  request_id: text.optional(),
}

const WEEK_MS = 7 * 86_400_000

const event = z.record(z.string(), z.unknown())

export const searchAudit = defineAction({
  name: 'search_audit',
  scope: 'operator:read',
  summary: 'Searches the audit log, newest first.',
  method: 'get',
  path: '/audit/events',
  command: 'audit tail',
  page: '/operator/audit',
  input: z.strictObject({ ...eventFilter, ...period, limit, after: cursor.optional() }),
  output: z.object({ events: z.array(event), next: z.string().optional() }),
  run: async ({ db }, { limit, ...wanted }) => {
    const { events, next } = await pageEvents(db, wanted, limit)
    return { events: events.map(eventDocument), ...(next === undefined ? {} : { next }) }
  },
})

type Story = { id: string; limit: number; all?: string | undefined } & {
  from?: Date | undefined
  to?: Date | undefined
}

async function pageStory({ db, catalogues }: ActionContext, { id, limit, all, from, to }: Story) {
  const subject = await subjectOf(db, id, { ids_only: true })
  const entries: Record<string, unknown>[] = []
  let continue_from: Date | undefined
  for await (const entry of tellStory({ db, catalogues }, subject, { from, to, all: all === 'true' })) {
    if (entries.length === limit) {
      continue_from = entry.kind === 'event' ? entry.event.occurred_at : entry.from
      break
    }
    entries.push(storyDocument(entry))
  }
  return { kind: subject.kind, entries, ...(continue_from && { continue_from }) }
}

export const auditStory = defineAction({
  name: 'audit_story',
  scope: 'operator:read',
  summary: 'Tells what became of a grant, an account or a token, from consent to the last call.',
  method: 'get',
  path: '/audit/story/{id}',
  command: 'audit story',
  page: '/operator/audit/story/:id',
  input: z.strictObject({ id: text, ...period, limit, all: z.enum(['true', 'false']).optional() }),
  output: z.object({ kind: z.string(), entries: z.array(event), continue_from: z.date().optional() }),
  run: pageStory,
})

export const auditCallers = defineAction({
  name: 'audit_callers',
  scope: 'operator:read',
  summary: 'Says who called a tool, by default within the last seven days.',
  method: 'get',
  path: '/audit/callers',
  command: 'audit who',
  page: '/operator/audit',
  input: z.strictObject({ tool: text, ...period }),
  output: z.record(z.string(), z.unknown()),
  run: ({ db }, { tool, to, from = new Date(Date.now() - WEEK_MS) }) =>
    pageOfCallers(db, { tool, from, to }) as unknown as Promise<Record<string, unknown>>,
})

export const AUDIT_ACTIONS = [searchAudit, auditStory, auditCallers]
