import { z } from 'zod'
import { parseTime, TIME_FORMS } from '../base/time.ts'
import { storableText } from '../storage/keyset.ts'

/** Members that several actions take or give. */

/** An id, a name or a URL that somebody typed; whether it exists is found out by asking. */
export const text = storableText

/** Why something was done, for the audit log and for the person who asks later. */
export const reason = z.string().trim().min(1).max(256).describe('Why; it is kept in the audit log')

/** Of everything that changes something. */
export const why = { reason: reason.optional() }

export const limit = z.coerce.number().int().min(1).max(500).default(50).describe('How many at most')

/** What a page of a list says to get the page after it. */
export const cursor = z.string().min(1).max(16_384).describe('`next` of the page before')

/** A moment in an answer; on the wire a date-time. */
export const moment = z.date()

/** A moment in a question. Programs write RFC 3339; people may write less. */
export const time = z
  .string()
  .meta({ format: 'date-time' })
  .transform((text, { issues }) => {
    const read = parseTime(text)
    if (read) return read
    issues.push({ code: 'custom', message: TIME_FORMS, input: text })
    return z.NEVER
  })

/** Names of several things; in a query one may stand alone. */
export const ids = z
  .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(text).min(1).max(500))
  .describe('Up to 500 ids')
