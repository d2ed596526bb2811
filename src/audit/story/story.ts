/** Stories: what became of a grant, a token or an account, told as people would read it. */
import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { type Catalogue, findResource } from '../../catalogue/catalogue.ts'
import { type CatalogueCache, versionAsOf } from '../../catalogue/catalogue-store.ts'
import { toolsForScopes } from '../../permission/scopes.ts'
import { definitionOf } from '../events/audit-event.ts'
import { type CallGroup, groupCalls, isFrequent, mergeByTime, type ToldEvent } from './story-grouping.ts'
import {
  clientNames,
  findAccountName,
  findGrantLife,
  readAccountEvents,
  readGrantEvents,
  readSignIns,
  readUnknownTokenEvents,
  type Span,
} from './story-store.ts'
import type { StorySubject } from './story-subject.ts'

/**
 * One story from the log: consent, code, tokens, refreshes, each tool call, revocation, joined by the ids that the
 * events carry. Read in order and told as it is read, so that a long one needs no memory. With the names that people
 * know accounts and clients by.
 */
export type NamedEntry = ((ToldEvent & { tools?: string[] | undefined }) | CallGroup) & {
  client_name?: string | undefined
  username?: string | undefined
}

export type StoryOptions = Span & {
  /** Every call as an event of its own. */
  all?: boolean | undefined
}

export type StoryDependencies = { db: Knex; catalogues: CatalogueCache }

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Longer than the longest that an access token lives, and a personal one. */
const TOKEN_LIFE_MS = 25 * HOUR_MS
const PERSONAL_TOKEN_LIFE_MS = 366 * 24 * HOUR_MS
const LAST_TOKENS = 200

function isEnd({ type, detail }: AuditRow): boolean {
  const ends = definitionOf(type)?.ends_grant
  return typeof ends === 'function' ? ends(detail as never) : ends === true
}

function later(time: Date, by_ms: number): Date {
  return new Date(time.getTime() + by_ms)
}

function within(span: Span, limits: Span): Span {
  const from = [span.from, limits.from].filter((time) => time !== undefined)
  const to = [span.to, limits.to].filter((time) => time !== undefined)
  return {
    from: from.sort((one, other) => other.getTime() - one.getTime())[0],
    to: to.sort((one, other) => one.getTime() - other.getTime())[0],
  }
}

async function* only(
  events: AsyncGenerator<AuditRow>,
  keep: (event: AuditRow) => boolean,
): AsyncGenerator<AuditRow> {
  for await (const event of events) if (keep(event)) yield event
}

/** The ids by which an event of the same grant is about this token or about the one that came with it. */
function idsOf({ token_id, detail }: AuditRow): unknown[] {
  const { refresh_token_id, spent_refresh_token_id, presented_id, replaced_token_id } = detail ?? {}
  return [token_id, refresh_token_id, spent_refresh_token_id, presented_id, replaced_token_id]
}

type GrantStory = {
  grant_id: string
  /** Which of the grant's other events belong to the story. */
  keep: (event: AuditRow) => boolean
  /** Whether a call with this token belongs to it. */
  isTold: (token_id: string | null) => boolean
  /** Where calls may be. */
  calls: Span
}

function storyOfToken(subject: Extract<StorySubject, { kind: 'token' }>): GrantStory {
  const { grant_id, issued, token_id } = subject
  const ids = new Set<unknown>([token_id, issued.token_id, issued.detail?.refresh_token_id].filter(Boolean))
  const origin = new Set(['consent.given', 'authorization.granted', 'personal_token.created'])
  const life_ms = issued.type.startsWith('personal_token.') ? PERSONAL_TOKEN_LIFE_MS : TOKEN_LIFE_MS
  return {
    grant_id,
    keep: (event) => origin.has(event.type) || isEnd(event) || idsOf(event).some((id) => ids.has(id)),
    isTold: (id) => ids.has(id),
    calls: { from: later(issued.occurred_at, -MINUTE_MS), to: later(issued.occurred_at, life_ms) },
  }
}

/** Everything that belongs to a grant, from all the places where the log has it. */
async function* readGrantStory(db: Knex, story: GrantStory, span: Span): AsyncGenerator<AuditRow> {
  const { grant_id } = story
  const life = await findGrantLife(db, grant_id)
  if (!life) return
  const { first, last } = life
  const account_id = first.account_id ?? last.account_id
  const end = isEnd(last) ? later(last.occurred_at, MINUTE_MS) : undefined
  const calls = within(within(span, story.calls), { from: later(first.occurred_at, -MINUTE_MS), to: end })
  const tokens: (string | null)[] = []
  const noted = (event: AuditRow) => {
    if (event.token_id !== null && tokens.push(event.token_id) > LAST_TOKENS) tokens.shift()
    return story.keep(event)
  }
  const is_call = (event: AuditRow) =>
    event.type === 'account.changed' ||
    (isFrequent(event) && event.grant_id === grant_id && story.isTold(event.token_id))
  // What is left over after the end is known by the tokens before it, also where the story is told from later on.
  const told = end ? { to: span.to } : span
  const is_told = ({ occurred_at }: AuditRow) => !span.from || occurred_at >= span.from
  const sources = [
    ...(first.request_id ? [readSignIns(db, first.request_id, within(span, around(first)))] : []),
    only(readGrantEvents(db, grant_id, told), (event) => noted(event) && is_told(event)),
    ...(account_id ? [only(readAccountEvents(db, account_id, calls), is_call)] : []),
  ]
  // What came with its tokens after the end names neither grant nor account any more.
  const after =
    end && within(within(span, story.calls), { from: last.occurred_at, to: later(end, TOKEN_LIFE_MS) })
  const isLeftOver = (event: AuditRow) => tokens.includes(event.token_id) && story.isTold(event.token_id)
  yield* mergeByTime(sources)
  if (after) yield* only(readUnknownTokenEvents(db, after), isLeftOver)
}

function around({ occurred_at }: AuditRow): Span {
  return { from: later(occurred_at, -HOUR_MS), to: later(occurred_at, HOUR_MS) }
}

function eventsOf(db: Knex, subject: StorySubject, span: Span): AsyncGenerator<AuditRow> {
  if (subject.kind === 'account') return readAccountEvents(db, subject.account_id, span)
  const story =
    subject.kind === 'token'
      ? storyOfToken(subject)
      : { grant_id: subject.grant_id, keep: () => true, isTold: () => true, calls: {} }
  return readGrantStory(db, story, span)
}

/** What gives scopes is told with the tools that they open. */
async function toolsOf(dependencies: StoryDependencies, event: AuditRow): Promise<string[] | undefined> {
  const { db, catalogues } = dependencies
  const { resource, scope, occurred_at } = event
  if (!definitionOf(event.type)?.gives_scopes || resource === null || scope === null) return undefined
  const version = await versionAsOf(db, occurred_at)
  const catalogue: Catalogue | undefined =
    version === undefined ? undefined : await catalogues.at(db, version)
  const found = catalogue && findResource(catalogue, resource)
  return found && toolsForScopes(found, scope.split(' '))
}

async function* singly(events: AsyncGenerator<AuditRow>): AsyncGenerator<ToldEvent> {
  for await (const event of events) yield { kind: 'event', event }
}

const NAMES_MAX = 1_000

/** Looks a name up once; forgets all when it knows too many. */
function remembering(find: (id: string) => Promise<string | undefined>) {
  const known = new Map<string, Promise<string | undefined>>()
  return (id: string | null): Promise<string | undefined> | undefined => {
    if (id === null) return undefined
    if (known.size >= NAMES_MAX) known.clear()
    const name = known.get(id) ?? find(id)
    known.set(id, name)
    return name
  }
}

/**
 * Tells the story oldest first. Scopes come with the tools that they opened under the catalogue of that time, before
 * roles narrow them. `from` is inclusive, `to` exclusive.
 */
export async function* tellStory(
  dependencies: StoryDependencies,
  subject: StorySubject,
  { from, to, all }: StoryOptions = {},
): AsyncGenerator<NamedEntry> {
  const { db } = dependencies
  const clientName = remembering(async (id) => (await clientNames(db, [id])).get(id))
  const username = remembering(async (id) => (await findAccountName(db, id))?.username)
  const events = eventsOf(db, subject, { from, to })
  for await (const entry of all ? singly(events) : groupCalls(events)) {
    const event = entry.kind === 'event' ? entry.event : undefined
    const tools = event && (await toolsOf(dependencies, event))
    const client_name = await clientName(entry.kind === 'event' ? entry.event.client_id : entry.client_id)
    const name = await username(event?.account_id ?? null)
    yield {
      ...entry,
      ...(tools && { tools }),
      ...(client_name !== undefined && { client_name }),
      ...(name !== undefined && { username: name }),
    }
  }
}
