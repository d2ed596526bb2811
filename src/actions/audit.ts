import { z } from 'zod'
import { auditTypeSchema, DECISIONS } from '../audit/events/audit-event.ts'
import { eventDocument } from '../audit/export/json-lines.ts'
import { verifyPeriod } from '../audit/integrity/archive/verify-period.ts'
import { pageEvents } from '../audit/query/audit-store.ts'
import { callerSchema, pageOfCallers } from '../audit/query/callers-store.ts'
import { findEventInPlace } from '../audit/query/event-store.ts'
import { storyDocument } from '../audit/story/story-document.ts'
import { pageStory } from '../audit/story/story-page.ts'
import { clientNames, findAccountName } from '../audit/story/story-store.ts'
import { subjectOf } from '../audit/story/story-subject.ts'
import { ACTOR_KINDS } from '../audit-chain/actor.ts'
import { defineAction } from './action.ts'
import { eventSchema, faultSchema, storyEntrySchema } from './audit-documents.ts'
import { cursor, moment, text, time } from './fields.ts'

const limit = z.coerce.number().int().min(1).max(1_000).default(100)
const period = { from: time.optional(), to: time.optional() }

/** What events are looked for by; also what a stream of new ones can be narrowed by. */
export const eventFilter = {
  type: auditTypeSchema.optional(),
  actor: text
    .regex(new RegExp(`^(${ACTOR_KINDS.join('|')})(:.+)?$`, 's'), `not one of ${ACTOR_KINDS.join(', ')}`)
    .optional()
    .describe(`Who acted: ${ACTOR_KINDS.join(', ')}, or one of them as kind:id`),
  account_id: text.optional(),
  client_id: text.optional(),
  grant_id: text.optional(),
  token_id: text.optional(),
  tool: text.optional(),
  resource: text.optional(),
  decision: z.enum(DECISIONS).optional(),
  request_id: text.optional(),
}

/** The same for events that happened already: `from` is inclusive, `to` exclusive. */
export const pastEventFilter = { ...eventFilter, ...period }

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

export const searchAudit = defineAction({
  name: 'search_audit',
  scope: 'operator:read',
  summary: 'Searches the audit log, newest first.',
  method: 'get',
  path: '/audit/events',
  command: 'audit tail',
  page: '/operator/audit',
  input: z.strictObject({ ...pastEventFilter, limit, after: cursor.optional() }),
  output: z.object({
    events: z.array(eventSchema),
    next: z
      .string()
      .optional()
      .describe('There may be more, also when this page is empty: send it as `after`'),
    searched_to: moment.optional().describe('Nothing older was looked at yet'),
  }),
  run: async ({ db }, { limit, ...wanted }) => {
    const { events, ...more } = await pageEvents(db, wanted, limit)
    return { events: events.map(eventDocument), ...more }
  },
})

export const showEvent = defineAction({
  name: 'show_event',
  scope: 'operator:read',
  summary:
    'Shows one event of the audit log with its neighbours in the chain of its writer, and whom it names.',
  method: 'get',
  path: '/audit/events/{id}',
  command: 'audit show',
  page: '/operator/audit/events/:id',
  input: z.strictObject({ id: text }),
  output: z.object({
    event: eventSchema,
    before: z.array(eventSchema),
    after: z.array(eventSchema),
    username: z.string().optional(),
    client_name: z.string().optional(),
  }),
  run: async ({ db }, { id }) => {
    const { event, before, after } = await findEventInPlace(db, id)
    const { account_id, client_id } = event
    const account = account_id === null ? undefined : await findAccountName(db, account_id)
    const client_name = client_id === null ? undefined : (await clientNames(db, [client_id])).get(client_id)
    return {
      event: eventDocument(event),
      before: before.map(eventDocument),
      after: after.map(eventDocument),
      ...(account && { username: account.username }),
      ...(client_name !== undefined && { client_name }),
    }
  },
})

export const auditStory = defineAction({
  name: 'audit_story',
  scope: 'operator:read',
  summary: 'Tells what became of a grant, an account or a token, from consent to the last call.',
  method: 'get',
  path: '/audit/story/{id}',
  command: 'audit story',
  page: '/operator/audit/story/:id',
  input: z.strictObject({
    id: text.describe('A grant id, an account id, a username, or sha256: and the id of a token'),
    ...period,
    limit: limit.describe('About how many; what is of one moment stays together'),
    all: z.enum(['true', 'false']).optional().describe('Every call as an event of its own'),
  }),
  output: z.object({
    kind: z.enum(['account', 'grant', 'token']),
    entries: z.array(storyEntrySchema),
    continue_from: moment.optional().describe('Send it as `from` for what follows'),
  }),
  run: async ({ db, catalogues }, { id, all, ...options }) => {
    const subject = await subjectOf(db, id)
    const { entries, ...more } = await pageStory({ db, catalogues }, subject, {
      ...options,
      all: all === 'true',
    })
    return { kind: subject.kind, entries: entries.map(storyDocument), ...more }
  },
})

export const auditCallers = defineAction({
  name: 'audit_callers',
  scope: 'operator:read',
  summary: 'Says who called a tool, by default within the last seven days.',
  method: 'get',
  path: '/audit/callers',
  command: 'audit who',
  page: '/operator/audit/callers',
  input: z.strictObject({ tool: text, ...period }),
  output: z.object({
    callers: z.array(callerSchema),
    counted_from: moment.optional().describe('Calls before are not counted; send it as `to` for those'),
  }),
  run: ({ db }, { tool, to, from = new Date(Date.now() - WEEK_MS) }) => pageOfCallers(db, { tool, from, to }),
})

export const verifyAudit = defineAction({
  name: 'verify_audit',
  scope: 'operator:read',
  summary: 'Verifies the hash chains of a period of the audit log, by default the last 24 hours.',
  method: 'post',
  path: '/audit/verification',
  command: 'audit verify',
  page: '/operator/audit/verify',
  input: z.strictObject(period),
  output: z.object({
    from: moment,
    to: moment,
    cut_short: z.boolean().describe('There was too much to verify at once: go on from `to`'),
    rows: z.int(),
    writers: z.int(),
    fault_count: z.int(),
    faults: z.array(faultSchema).describe('The first 100'),
    taken_as_given: z.int().optional().describe('Chains of which the row before the period was not verified'),
  }),
  run: ({ db }, { to = new Date(), from = new Date(to.getTime() - DAY_MS) }) =>
    verifyPeriod(db, { from, to }),
})

export const AUDIT_ACTIONS = [searchAudit, showEvent, auditStory, auditCallers, verifyAudit]
