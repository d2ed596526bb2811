import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { ROW_COLUMNS } from '../../audit-chain/row-bytes.ts'
import { eventDocument } from './json-lines.ts'

/**
 * What a spreadsheet takes for a formula: = + - @, a tab or a line break at the start, the wide forms of the signs,
 * also after blanks. An apostrophe in front makes it text. What begins with apostrophes before such a sign gets one
 * too, so that a reader gets the value back by taking one off.
 */
const FORMULA = /^['\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/u

/** RFC 4180 §2: every value in quotes, quotes in it doubled. Absent is nothing at all, empty is two quotes. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = value instanceof Date ? value.toISOString() : asText(value)
  const harmless = FORMULA.test(text) ? `'${text}` : text
  return `"${harmless.toWellFormed().replaceAll('"', '""')}"`
}

function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The line that names the columns. */
export const CSV_HEADER: string = `${ROW_COLUMNS.join(',')}\r\n`

/** One record of CSV. */
export function csvLine(event: AuditRow): string {
  const document = eventDocument(event)
  return `${ROW_COLUMNS.map((column) => csvCell(document[column])).join(',')}\r\n`
}
