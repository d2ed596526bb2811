import { z } from 'zod'
import { AppError } from '../errors.ts'

/**
 * Where a page of a list ends, so that the next one can begin behind it: opaque to whoever carries it. It comes back
 * from outside, so it is looked at like any other input.
 */
export function keysetCursor(position: object): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** The position that a cursor names; undefined without one. Throws `invalid_input` for what is none of this list. */
export function keysetPosition<T>(schema: z.ZodType<T>, cursor: string | undefined): T | undefined {
  if (cursor === undefined) return undefined
  const read = schema.safeParse(parsed(cursor))
  if (!read.success)
    throw new AppError('invalid_input', 'after: this is not the `next` of a page of this list')
  return read.data
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** Cuts a list, of which one more than `limit` was asked for, into a page and the cursor of the page after it. */
export function keysetPage<T>(
  rows: readonly T[],
  limit: number,
  position: (row: T) => object,
): { rows: T[]; next?: string } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    rows: page,
    ...(rows.length > limit && last !== undefined ? { next: keysetCursor(position(last)) } : {}),
  }
}

/** A moment in a cursor: a Date keeps less than the database tells apart. Until the year 2100. */
export const microseconds = z.int().min(0).max(4_102_444_800_000_000)

/** SQL that gives a moment as such a number, as text. */
export function microsecondsOf(column: string): string {
  return `(extract(epoch from ${column}) * 1000000)::bigint::text`
}

/** SQL that makes a moment of such a number. */
export const FROM_MICROSECONDS = "'epoch'::timestamptz + ? * interval '1 microsecond'"
