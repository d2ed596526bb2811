import type { Knex } from 'knex'
import { z } from 'zod'
import { auditTypeSchema, DECISIONS } from '../audit/events/audit-event.ts'
import { eventLine } from '../audit/export/event-line.ts'
import { eventDocument } from '../audit/export/json-lines.ts'
import { verifyPeriod } from '../audit/integrity/archive/verify-log.ts'
import { pageEvents } from '../audit/query/audit-store.ts'
import { callerSchema, joinCallers, pageOfCallers } from '../audit/query/callers-store.ts'
import { findEventInPlace } from '../audit/query/event-store.ts'
import { traceEvents } from '../audit/query/trace-store.ts'
import { pageStory, storyDocument } from '../audit/story/story-page.ts'
import { clientNames, findAccountName } from '../audit/story/story-store.ts'
import { type StorySubject, subjectOf } from '../audit/story/story-subject.ts'
import { storyLines } from '../audit/story/story-text.ts'
import { ACTOR_KINDS } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import { defineAction } from './action.ts'
import { eventSchema, faultSchema, storyEntrySchema } from './audit-documents.ts'
import { cursor, moment, text, time } from './fields.ts'

const limit = z.coerce.number().int().min(1).max(1_000).default(100).describe('How many at most')
const period = {
  from: time.optional().describe('Not before this time'),
  to: time.optional().describe('Before this time'),
}

/** What events are looked for by; also what a stream of new ones can be narrowed by. */
export const eventFilter = {
  type: auditTypeSchema.optional().describe('What happened'),
  actor: text
    .regex(new RegExp(`^(${ACTOR_KINDS.join('|')})(:.+)?$`, 's'), `not one of ${ACTOR_KINDS.join(', ')}`)
    .optional()
    .describe(`Who acted: ${ACTOR_KINDS.join(', ')}, or one of them as kind:id`),
  account_id: text.optional().describe('A username or the id of an account'),
  client_id: text.optional().describe('A client_id'),
  grant_id: text.optional().describe('The id of a grant'),
  token_id: text.optional().describe('The SHA-256 of a token in base64url; never the token itself'),
  tool: text.optional().describe('The name of a tool'),
  resource: text.optional().describe('The URL of the MCP server'),
  decision: z.enum(DECISIONS).optional().describe('What was decided'),
  request_id: text.optional().describe('The id of a request, or the trace id of a connection'),
}

/** The same for events that happened already: `from` is inclusive, `to` exclusive. */
export const pastEventFilter = { ...eventFilter, ...period }

/** People know accounts by their usernames, the log by their ids. */
export async function withAccountId<Filter extends { account_id?: string | undefined }>(
  db: Knex,
  filter: Filter,
): Promise<Filter> {
  const account = filter.account_id === undefined ? undefined : await findAccountName(db, filter.account_id)
  return account ? { ...filter, account_id: account.id } : filter
}

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

export const searchAudit = defineAction({
  name: 'search_audit',
  scope: 'operator:read',
  summary: 'Searches the audit log, newest first.',
  method: 'get',
  path: '/audit/events',
  command: 'audit tail',
  cli: {
    lines: ({ events }) => events.toReversed().map(eventLine),
    // A page may have few events, or none, and still a `next`.
    rest: ({ events, next }, { limit }) =>
      next === undefined || events.length >= limit
        ? undefined
        : { after: next, limit: limit - events.length },
    join: (one, other) => ({ ...other, events: [...one.events, ...other.events] }),
  },
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
    const { events, ...more } = await pageEvents(db, await withAccountId(db, wanted), limit)
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
  input: z.strictObject({ id: text.describe('The id of an event') }),
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

/** Grants and tokens have an end; an account goes on, and people ask what it did lately. */
function lately({ kind }: StorySubject): Date | undefined {
  return kind === 'account' ? new Date(Date.now() - WEEK_MS) : undefined
}

export const auditStory = defineAction({
  name: 'audit_story',
  scope: 'operator:read',
  summary: 'Tells what became of a grant, an account or a token, from consent to the last call.',
  // A token in an address would stand in logs and histories.
  method: 'post',
  path: '/audit/story',
  command: 'audit story',
  cli: {
    arguments: ['id'],
    read: { id: 'dash' },
    cursor: ['continue_from', 'from'],
    nothing: ({ entries }) => (entries.length > 0 ? undefined : 'Nothing is recorded in this time'),
    lines: ({ kind, entries, from }, { id }) => {
      const told_tools = new Map<string, string>()
      // A token is not repeated.
      const name = kind === 'token' ? 'a token' : `${kind} ${id}`
      const since = from === undefined ? '' : `, from ${from.toISOString()}`
      return [
        `The story of ${name}${since}`,
        '',
        ...entries.flatMap((entry) => storyLines(entry, told_tools)),
      ]
    },
  },
  page: '/operator/audit/story/:id',
  input: z.strictObject({
    id: text.describe(
      'A grant id, an account id, a username, sha256: and the id of a token, or a token itself',
    ),
    ...period,
    from: period.from.describe('Not before this time; of an account, seven days ago where it is absent'),
    limit: limit.describe('About how many; what is of one moment stays together'),
    all: z.enum(['true', 'false']).optional().describe('Every call as an event of its own'),
  }),
  output: z.object({
    kind: z.enum(['account', 'grant', 'token']),
    entries: z.array(storyEntrySchema),
    from: moment.optional().describe('Where the story begins, if not at its beginning'),
    continue_from: moment.optional().describe('Send it as `from` for what follows'),
  }),
  run: async ({ db, catalogues }, { id, all, from: wanted, ...options }) => {
    const subject = await subjectOf(db, id)
    const from = wanted ?? lately(subject)
    const { entries, ...more } = await pageStory({ db, catalogues }, subject, {
      ...options,
      from,
      all: all === 'true',
    })
    return { kind: subject.kind, entries: entries.map(storyDocument), ...(from && { from }), ...more }
  },
})

export const auditCallers = defineAction({
  name: 'audit_callers',
  scope: 'operator:read',
  summary: 'Says who called a tool, by default within the last seven days.',
  method: 'get',
  path: '/audit/callers',
  command: 'audit who',
  cli: {
    arguments: ['tool'],
    columns: 'username account_id client_id calls denied reported last_at',
    rest: ({ counted_from }) => counted_from && { to: counted_from.toISOString() },
    join: joinCallers,
  },
  page: '/operator/audit/callers',
  input: z.strictObject({ tool: text.describe('The name of a tool'), ...period }),
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
  cli: false,
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

export const traceConnection = defineAction({
  name: 'trace_connection',
  scope: 'operator:read',
  summary:
    'Tells what happened behind a trace id: registration, sign-in, consent, tokens, calls; oldest first.',
  method: 'get',
  path: '/audit/trace/{id}',
  command: 'trace',
  cli: { lines: ({ events }) => events.map(eventLine) },
  page: '/operator/audit/trace/:id',
  input: z.strictObject({
    id: text.describe('A trace id from an error, a request id, a grant id or a client_id'),
  }),
  output: z.object({ events: z.array(eventSchema) }),
  run: async ({ db }, { id }) => {
    const events = await traceEvents(db, id)
    if (events.length === 0) throw new AppError('not_found', `Nothing is recorded under ${id}`)
    return { events: events.map(eventDocument) }
  },
})

export const AUDIT_ACTIONS = [searchAudit, showEvent, auditStory, auditCallers, verifyAudit, traceConnection]
