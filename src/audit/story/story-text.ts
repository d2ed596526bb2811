import { auditText } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import type { NamedEntry } from './story.ts'
import type { CallGroup } from './story-grouping.ts'

/** A story in words, for people. Names that came from outside are cleaned once more, so that none steers a terminal. */
const SHORT = 8

function clean(text: unknown): string {
  return auditText(String(text ?? ''), 300) ?? ''
}

/** The beginning of a token's or code's id: enough to tell those of one story apart. */
function short(id: unknown): string {
  return typeof id === 'string' ? clean(id).slice(0, SHORT) : '?'
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10)
}

function clock(time: Date): string {
  return time.toISOString().slice(11, 19)
}

function whoOf({ event, username }: Told): string {
  return clean(username ?? event.account_id ?? 'somebody')
}

function clientOf({ client_name, event }: Told): string {
  const { client_id } = event
  if (client_id === null) return 'a client'
  return client_name === undefined ? clean(client_id) : `${clean(client_name)} (${clean(client_id)})`
}

function tokens(event: Tellable): string {
  const refresh_token_id = event.detail?.refresh_token_id
  const access = `access token ${short(event.token_id)}`
  return refresh_token_id === undefined ? access : `${access} and refresh token ${short(refresh_token_id)}`
}

function tokenName({ detail }: Tellable): string {
  return `“${clean(detail?.name)}”`
}

/** An actor that is not the person whom the story is about. */
function by({ actor, account_id }: Tellable): string {
  return actor === account_id ? '' : ` by ${clean(actor)}`
}

function because({ detail }: Tellable): string {
  const why = detail?.reason ?? detail?.error_description ?? detail?.error
  return why === undefined || why === null ? '' : ` (${clean(why)})`
}

function list(names: unknown): string {
  return Array.isArray(names) ? clean(names.join(' ')) : clean(names)
}

/** What is told of an event; its place in the chain does not matter. */
type Told = Omit<Extract<NamedEntry, { kind: 'event' }>, 'event'> & { event: Tellable }
type Tellable = Omit<AuditRow, 'prev_hash' | 'hash'>

const SENTENCES: Readonly<Record<string, (told: Told) => string>> = {
  'account.changed': (told) =>
    `account ${whoOf(told)} changed${by(told.event)}: ${clean(JSON.stringify(told.event.detail))}`,
  'account.created': (told) => `account ${whoOf(told)} created${by(told.event)}`,
  'authorization.denied': (told) => `${whoOf(told)} denied ${clientOf(told)}`,
  'authorization.granted': ({ event }) => `a code was given: ${short(event.detail?.code_id)}`,
  'authorization.refused': (told) => `${clientOf(told)} was refused an authorization${because(told.event)}`,
  'consent.given': (told) =>
    `${whoOf(told)} allowed ${clientOf(told)}, back to ${clean(told.event.detail?.redirect_host)}, on ${clean(told.event.resource)}: ${clean(told.event.scope)}`,
  'grant.narrowed': ({ event }) =>
    `narrowed${by(event)}${because(event)}: ${clean(event.scope)} stays, ${list(event.detail?.removed)} is taken away`,
  'grant.revoked': ({ event }) => `REVOKED${by(event)}${because(event)}: the grant with all its tokens`,
  'login.failed': (told) =>
    `a sign-in as ${whoOf(told)} failed from ${clean(told.event.ip)}${because(told.event)}`,
  'login.succeeded': (told) => `${whoOf(told)} signed in from ${clean(told.event.ip)}`,
  'personal_token.created': (told) =>
    `personal access token ${tokenName(told.event)} made for ${whoOf(told)}${by(told.event)}, on ${clean(told.event.resource)}: ${clean(told.event.scope)}; token ${short(told.event.token_id)}`,
  'personal_token.expiring': ({ event }) =>
    `personal access token ${tokenName(event)} expires soon: ${clean(event.detail?.expires_at)}`,
  'personal_token.revoked': ({ event }) =>
    `REVOKED${by(event)}${because(event)}: personal access token ${tokenName(event)} with all its values`,
  'personal_token.rotated': ({ event }) =>
    `token ${short(event.detail?.replaced_token_id)} of ${tokenName(event)} was replaced${by(event)} by ${short(event.token_id)}, and lives on for ${clean(event.detail?.overlap_hours)} hours at most`,
  'refresh_token.replayed': ({ event }) =>
    `refresh token ${short(event.detail?.spent_refresh_token_id)} came again within the grace: the same ${tokens(event)} again`,
  'refresh_token.reused': ({ event }) =>
    `REVOKED: ${event.detail?.presented === 'refresh_token' ? 'refresh token' : 'code'} ${short(event.detail?.presented_id)} was used twice, the grant ended with all its tokens`,
  'session.ended': (told) => `${whoOf(told)} was signed out${by(told.event)}${because(told.event)}`,
  'token.issued': ({ event }) =>
    `code ${short(event.detail?.code_id)} became ${tokens(event)}: ${clean(event.scope)}`,
  'token.refreshed': ({ event }) =>
    `refresh token ${short(event.detail?.spent_refresh_token_id)} became ${tokens(event)}: ${clean(event.scope)}`,
  'token.refused': ({ event }) => `a token request was refused${because(event)}`,
  'token.revoked': ({ event }) =>
    event.detail?.token === 'access_token'
      ? `access token ${short(event.token_id)} revoked${by(event)}`
      : `REVOKED${by(event)}: refresh token ${short(event.token_id)}, and the grant with it`,
}

function oneCall({ event }: Told): string {
  const called = event.tool ?? event.detail?.method ?? 'introspection'
  return `${clean(called)} ${clean(event.decision)}, token ${short(event.token_id)}`
}

const OUTCOMES: Readonly<Record<string, string>> = {
  ok: 'went well',
  tool_error: 'ended with an error of the tool',
  protocol_error: 'ended with a protocol error',
  http_error: 'ended with an HTTP error',
  aborted: 'broke off',
}

function oneOutcome({ event }: Told): string {
  const { outcome, duration_ms, size_bytes, method } = event.detail ?? {}
  const ended = OUTCOMES[String(outcome)] ?? clean(outcome)
  const measured = `${clean(duration_ms)} ms, ${clean(size_bytes)} bytes`
  return `${clean(event.tool ?? method)} ${ended} (${measured}), token ${short(event.token_id)}`
}

function sentence(told: Told): string {
  const { event } = told
  if (event.type === 'tool.decided' || event.type === 'token.introspected') return oneCall(told)
  if (event.type === 'tool.completed') return oneOutcome(told)
  const said = Object.hasOwn(SENTENCES, event.type) ? SENTENCES[event.type] : undefined
  return said?.(told) ?? `${clean(event.type)}${by(event)}${because(event)}`
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function calls({ called, count, denied, inactive, completed, failed, token_id }: CallGroup): string {
  // Their decisions were told before.
  const counted = count === 0 ? `the end of ${plural(completed, 'call')}` : plural(count, 'call')
  const what = called === null ? plural(count, 'introspection') : `${counted} of ${clean(called)}`
  const refused = denied === 0 ? '' : `, ${denied} denied`
  const dead = inactive === 0 ? '' : `, ${inactive} with a token that was not live`
  const bad = failed === 0 ? '' : `, ${failed} failed`
  return `${what}${refused}${dead}${bad}, token ${short(token_id)}`
}

/** One entry in words, without its time. */
export function storySentence(entry: Told | CallGroup): string {
  return entry.kind === 'calls' ? calls(entry) : sentence(entry)
}

/** The lines of one entry. Times are UTC; `told_tools` remembers across entries what was said already of a grant. */
export function storyLines(entry: Told | CallGroup, told_tools: Map<string, string>): string[] {
  if (entry.kind === 'calls') {
    const { from, to } = entry
    const until =
      clock(from) === clock(to) && day(from) === day(to)
        ? ''
        : day(from) === day(to)
          ? `–${clock(to)}`
          : `–${day(to)} ${clock(to)}`
    return [`${day(from)} ${clock(from)}${until}  ${calls(entry)}`]
  }
  const { event } = entry
  const lines = [`${day(event.occurred_at)} ${clock(event.occurred_at)}  ${sentence(entry)}`]
  const tools = entry.tools?.map(clean).join(', ')
  if (tools === undefined || told_tools.get(event.grant_id ?? '') === tools) return lines
  told_tools.set(event.grant_id ?? '', tools)
  return [...lines, `                     which opens ${tools || 'no tool'}`]
}
