import type { AuditDetail } from './event-fields.ts'

/**
 * A detail as Postgres writes the jsonb that it keeps of it, so that the bytes that are hashed are the bytes that
 * anyone reads back: keys by their length in UTF-8, then by their bytes; `: ` and `, ` between.
 */
export function detailText(detail: AuditDetail): string {
  const members = Object.keys(detail)
    .sort(byLengthThenBytes)
    .map((key) => `${quote(key)}: ${valueText(detail[key])}`)
  return `{${members.join(', ')}}`
}

function byLengthThenBytes(one: string, other: string): number {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length - b.length || a.compare(b)
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (typeof value === 'string') return quote(value)
  // Not by JSON.stringify, which writes null for a number too large: a forged detail must not look like null.
  if (typeof value === 'number') return String(Object.is(value, -0) ? 0 : value)
  return String(value ?? null)
}

// For text without control characters, which an event never holds, both write the same.
const quote: (text: string) => string = JSON.stringify
