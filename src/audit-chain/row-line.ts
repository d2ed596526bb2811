import { isObject, parseJson } from '../base/json.ts'
import { TEXT_COLUMNS } from './event-fields.ts'
import type { AuditRow } from './hash-chain.ts'
import { CONTENT_COLUMNS, HEX_HASH, ROW_COLUMNS, UUID } from './row-bytes.ts'

/** Pure: a row as a line of JSON, in archives and in local logs. Byte for byte in docs/audit-archive.md. */

/** A row as one line, without its end: all columns in the order of the table, hashes in hex. */
export function rowLine(row: AuditRow): string {
  const content = Object.fromEntries(CONTENT_COLUMNS.map((column) => [column, row[column]]))
  return JSON.stringify({
    ...content,
    prev_hash: row.prev_hash.toString('hex'),
    hash: row.hash.toString('hex'),
  })
}

/**
 * Reads a line; undefined for anything that is not one. By hand and not by a schema, because there are millions; and the
 * detail is looked at, not copied: a copy would lose a key named __proto__, and with it what the hash covers.
 */
export function readRowLine(line: string): AuditRow | undefined {
  const value = parseJson(line)
  if (!isObject(value) || !hasColumns(value)) return undefined
  const { occurred_at, prev_hash, hash } = value
  const at = new Date(typeof occurred_at === 'string' ? occurred_at : Number.NaN)
  // One row has one line, so the time must be written as it is written here.
  const is_row =
    !Number.isNaN(at.getTime()) &&
    at.toISOString() === occurred_at &&
    matches(UUID, value.writer_id) &&
    matches(UUID, value.id) &&
    Number.isSafeInteger(value.seq) &&
    (value.seq as number) > 0 &&
    typeof value.type === 'string' &&
    typeof value.actor_kind === 'string' &&
    OPTIONAL_TEXTS.every((column) => value[column] === null || typeof value[column] === 'string') &&
    (value.detail === null || isDetail(value.detail)) &&
    matches(HEX_HASH, prev_hash) &&
    matches(HEX_HASH, hash)
  if (!is_row) return undefined
  value.occurred_at = at
  value.prev_hash = Buffer.from(prev_hash as string, 'hex')
  value.hash = Buffer.from(hash as string, 'hex')
  return value as AuditRow
}

const OPTIONAL_TEXTS = ['actor_id', ...TEXT_COLUMNS] as const

/** All columns of the table and no others, in its order. */
function hasColumns(value: Record<string, unknown>): boolean {
  const names = Object.keys(value)
  return names.length === ROW_COLUMNS.length && names.every((name, index) => name === ROW_COLUMNS[index])
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function isDetail(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.values(value).every((item) => (Array.isArray(item) ? item.every(isScalar) : isScalar(item)))
  )
}

function isScalar(value: unknown): boolean {
  return (
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
  )
}
