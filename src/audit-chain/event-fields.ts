import { withoutSecrets } from '../base/redaction.ts'
import type { Actor } from './actor.ts'

/** Whom an event concerns, what it is about and where it came from; each a text or absent. In the order of the table. */
export const TEXT_COLUMNS = [
  'account_id',
  'client_id',
  'resource',
  'tool',
  'decision',
  'scope',
  'grant_id',
  'token_id',
  'request_id',
  'ip',
] as const
type TextColumn = (typeof TEXT_COLUMNS)[number]

/** The same for each of them. */
export function eachText<T>(value: T): { [column in TextColumn]: T } {
  return Object.fromEntries(TEXT_COLUMNS.map((column) => [column, value])) as { [column in TextColumn]: T }
}

/** What an event says, before it is stored: in the words of whoever saw it. */
export type EventWords = { type: string; actor: Actor; detail?: Detail | undefined } & {
  [column in TextColumn]?: string | undefined
}

type DetailScalar = string | number | boolean | null

/** Whole numbers only: the text of fractions differs between JSON, jsonb and other languages. */
export type AuditDetail = Record<string, DetailScalar | DetailScalar[]>

/** The same before it is stored; what is undefined is left out. */
export type Detail = { readonly [member: string]: DetailScalar | readonly DetailScalar[] | undefined }

/** An event as it is stored: every text clean and within its limit, what is absent null. */
export type AuditFields = { type: string; actor_kind: string; actor_id: string | null } & {
  [column in TextColumn]: string | null
} & { detail: AuditDetail | null }

const TEXT_MAX = 256
/** Indexed columns stay below this times four bytes; URLs, scope lists and tool names may be longer. */
const LONG_TEXT_MAX = 2_048
const DETAIL_KEYS_MAX = 32
const DETAIL_KEY_MAX = 64
const DETAIL_TEXT_MAX = 1_024
const DETAIL_ITEMS_MAX = 128

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
// What Postgres refuses (NUL, lone surrogates), what forges lines, and what reverses the direction of text.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu
const LONE_SURROGATE_AT_END = /[\ud800-\udbff]$/

/**
 * Text that came from outside, fit for the log: without control characters, lone surrogates and direction
 * marks, at most `max` UTF-16 units. Looks only at the first 4 × `max` units, so that its cost has a bound.
 * Anything but a string is undefined.
 */
export function auditText(value: unknown, max = TEXT_MAX): string | undefined {
  if (typeof value !== 'string') return undefined
  if (value.length <= max && PRINTABLE_ASCII.test(value)) return value
  return value
    .slice(0, max * 4)
    .replace(UNSAFE, '')
    .slice(0, max)
    .replace(LONE_SURROGATE_AT_END, '')
}

/** Makes an event fit to be stored, whatever its texts hold. Never throws, so that hostile text cannot stop the log. */
export function normaliseEvent(event: EventWords): AuditFields {
  return {
    type: event.type,
    actor_kind: event.actor.kind,
    actor_id: auditText(event.actor.id, LONG_TEXT_MAX) ?? null,
    account_id: auditText(event.account_id) ?? null,
    client_id: auditText(event.client_id, LONG_TEXT_MAX) ?? null,
    resource: auditText(event.resource, LONG_TEXT_MAX) ?? null,
    tool: auditText(event.tool, LONG_TEXT_MAX) ?? null,
    decision: auditText(event.decision) ?? null,
    scope: auditText(event.scope, LONG_TEXT_MAX) ?? null,
    grant_id: auditText(event.grant_id) ?? null,
    token_id: auditText(event.token_id) ?? null,
    request_id: auditText(event.request_id) ?? null,
    ip: auditText(event.ip) ?? null,
    detail: normaliseDetail(event.detail),
  }
}

/** What many events share is looked through once: an object that is frozen cannot come to say something else. */
const shared_details = new WeakMap<Detail, AuditDetail>()

function normaliseDetail(detail: Detail | undefined): AuditDetail | null {
  if (detail === undefined || detail === null) return null
  const known = shared_details.get(detail)
  if (known) return known
  const normal = normalDetail(detail)
  if (normal && Object.isFrozen(detail)) shared_details.set(detail, Object.freeze(normal))
  return normal
}

/** Null where nothing is left to say. */
function normalDetail(detail: Detail): AuditDetail | null {
  const entries = Object.entries(detail)
    .filter(([, value]) => value !== undefined)
    .slice(0, DETAIL_KEYS_MAX)
    .map(([key, value]) => {
      const told = DIGESTS.has(key) ? value : Array.isArray(value) ? value.map(redacted) : redacted(value)
      const items = Array.isArray(told) ? normaliseItems(told) : normaliseScalar(told)
      return [auditText(key, DETAIL_KEY_MAX) ?? '', items] as const
    })
  // fromEntries defines own properties, so that a key named __proto__ stays a key.
  return entries.length === 0 ? null : Object.fromEntries(entries)
}

/** Where digests stand: SHA-256 of bearer secrets, by which the events of one token find each other, and thumbprints of keys. */
const DIGESTS: ReadonlySet<string> = new Set([
  'code_id',
  'keys',
  'presented_id',
  'refresh_token_id',
  'replaced_token_id',
  'spent_refresh_token_id',
  'stated_token_id',
])

function redacted(value: unknown): unknown {
  return typeof value === 'string' ? withoutSecrets(value) : value
}

function normaliseItems(items: readonly unknown[]): DetailScalar[] {
  const kept = items.slice(0, DETAIL_ITEMS_MAX).map(normaliseScalar)
  const dropped = items.length - kept.length
  return dropped === 0 ? kept : [...kept, `… and ${dropped} more`]
}

function normaliseScalar(value: unknown): DetailScalar {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value)
  return auditText(value, DETAIL_TEXT_MAX) ?? null
}
