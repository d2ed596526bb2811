import type { Knex } from 'knex'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'

/**
 * Pages of lists by keyset: a page begins behind the key of the last row of the page before, which its cursor holds as
 * base64url of JSON. A cursor is opaque to clients, and has one spelling.
 */
export type PageWanted = { limit: number; after?: string | undefined }

/** What a list reads for one page: one row more than the page has, from behind the key `after`. */
export type RowsWanted<Key> = { limit: number; after?: Key | undefined }

/** `next` is there when more rows follow. */
export type Page<Row> = { rows: Row[]; next?: string }

export type Keyset<Key> = {
  write(key: Key): string
  /** Throws `invalid_input` for anything but a cursor that `write` gave. */
  read(cursor: string | undefined): Key | undefined
  /** Throws as `read` does. */
  page<Row extends Key>(
    wanted: PageWanted,
    list: (wanted: RowsWanted<Key>) => Row[] | Promise<Row[]>,
  ): Promise<Page<Row>>
}

/** The keyset of a list that is ordered by the members of `schema`, which takes every key that a row can have. */
export function keyset<Key extends object>(schema: z.ZodType<Key>): Keyset<Key> {
  function write(key: Key): string {
    return Buffer.from(JSON.stringify(z.encode(schema, key))).toString('base64url')
  }

  function read(cursor: string | undefined): Key | undefined {
    if (cursor === undefined) return undefined
    const key = schema.safeDecode(parseJson(Buffer.from(cursor, 'base64url').toString()) as never).data
    if (key === undefined || write(key) !== cursor) throw new AppError('invalid_input', 'Invalid cursor')
    return key
  }

  return {
    write,
    read,
    async page({ limit, after }, list) {
      const found = await list({ limit: limit + 1, after: read(after) })
      const rows = found.slice(0, limit)
      const last = rows.at(-1)
      return found.length > limit && last ? { rows, next: write(last) } : { rows }
    },
  }
}

/** Text that Postgres can hold, such as an id, a name or a URL. */
export const storableText = z
  .string()
  .min(1)
  .max(2_048)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'has characters that nothing here has')

/** A moment to the millisecond, as JSON has it. */
export const milliseconds = z.codec(z.int().min(0).max(99_999_999_999_999), z.date(), {
  decode: (time) => new Date(time),
  encode: (date) => date.getTime(),
})

/** Where a row stands in a list by a moment, and among rows of one moment by id. */
export type Place = {
  /** Microseconds since 1970, as Postgres keeps them: a Date would round, and rows would be left out or repeated. */
  at_us: string
  id: string
}

const places = keyset<Place>(z.object({ at_us: z.string().regex(/^\d{1,16}$/), id: storableText }))

/** A page of a list by a moment. */
export async function pageByMoment<Row extends { id: string }>(
  wanted: PageWanted,
  list: (wanted: RowsWanted<Place>) => PromiseLike<(Row & { at_us: string })[]>,
): Promise<Page<Row>> {
  const { rows, ...more } = await places.page(wanted, async (rows) => list(rows))
  return { rows: rows.map(({ at_us: _, ...row }) => row as unknown as Row), ...more }
}

/** SQL of a moment as a cursor holds it, and of a placeholder for one as a moment again. */
export const microseconds = (moment: string) => `(extract(epoch from ${moment}) * 1000000)::bigint::text`
export const MOMENT = "(timestamptz 'epoch' + ?::bigint * interval '1 microsecond')"

/** Orders the rows of a query by a moment and an id, cuts them for a page, and gives each its `at_us`. */
export function byMoment(
  db: Knex,
  query: Knex.QueryBuilder,
  { limit, after }: RowsWanted<{ at_us: string; id: string | Buffer }>,
  { moment = 'created_at', id = 'id', order = 'desc' }: { moment?: string; id?: string; order?: string } = {},
): Knex.QueryBuilder {
  query.select(db.raw(`${microseconds(moment)} as at_us`)).limit(limit)
  query.orderByRaw(`${moment} ${order}, ${id} ${order}`)
  if (!after) return query
  const beyond = order === 'desc' ? '<' : '>'
  return query.whereRaw(`(${moment}, ${id}) ${beyond} (${MOMENT}, ?)`, [after.at_us, after.id])
}
