import { z } from 'zod'
import { AppError } from '../base/errors.ts'

/** Where a page of a list ended: the moment that it is ordered by, and the id that tells equal moments apart. */
export type Place = {
  /** Microseconds since 1970, as Postgres keeps them: a Date would round, and rows would be left out or repeated. */
  at_us: string
  id: string
}

const place = z.tuple([
  z.string().regex(/^\d{1,16}$/),
  z
    .string()
    .min(1)
    .max(2_048)
    .refine((id) => id.isWellFormed() && !id.includes('\0')),
])

const CURSOR_MAX = 4_096

/** What is given out to ask for the page after `place`; opaque to whoever gets it. */
export function writeCursor({ at_us, id }: Place): string {
  return Buffer.from(JSON.stringify([at_us, id])).toString('base64url')
}

/** Throws `invalid_input` for what no page gave. */
export function readCursor(cursor: string): Place {
  const read = cursor.length > CURSOR_MAX ? undefined : place.safeParse(parsed(cursor)).data
  if (!read) throw new AppError('invalid_input', 'The cursor is none that a page of this list gave')
  return { at_us: read[0], id: read[1] }
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** SQL of a moment as a cursor holds it, and of a placeholder for one as a moment again. */
export const microseconds = (moment: string) => `(extract(epoch from ${moment}) * 1000000)::bigint::text`
export const MOMENT = "(timestamptz 'epoch' + ?::bigint * interval '1 microsecond')"

/** Cuts one row that was read too many: its presence says that there is a page after this one. */
export function cutPage<Row extends { at_us: string }>(
  rows: Row[],
  limit: number,
  idOf: (row: Row) => string,
): { rows: Omit<Row, 'at_us'>[]; next?: string } {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const page = rows.slice(0, limit).map(({ at_us: _, ...row }) => row)
  return last ? { rows: page, next: writeCursor({ at_us: last.at_us, id: idOf(last) }) } : { rows: page }
}
