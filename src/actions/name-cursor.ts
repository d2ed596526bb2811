import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { text } from './fields.ts'

/** Cursors of lists that are ordered by a name: what the page before ended with. */
const keyset = z.tuple([text])

export function writeNameCursor(name: string): string {
  return Buffer.from(JSON.stringify([name])).toString('base64url')
}

/** Throws `invalid_input` for what no page gave. */
export function readNameCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  try {
    return keyset.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))[0]
  } catch {
    throw new AppError('invalid_input', 'The cursor is none that a page of this list gave')
  }
}
