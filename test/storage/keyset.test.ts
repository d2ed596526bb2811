import { assert, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { readCursor, writeCursor } from '../../src/storage/keyset.ts'

describe('a cursor', () => {
  it('gives back the place that it was made of', () => {
    const place = { at_us: '1795269780123456', id: 'gr_abc' }
    expect(readCursor(writeCursor(place))).toEqual(place)
  })

  it('is refused clearly, whatever it is instead', () => {
    const refuses = (cursor: string) => {
      try {
        readCursor(cursor)
        return false
      } catch (error) {
        return error instanceof AppError && error.code === 'invalid_input'
      }
    }
    assert(property(string({ unit: 'binary' }), (text) => refuses(text)))
    assert(
      property(string({ unit: 'binary' }), (text) =>
        refuses(Buffer.from(JSON.stringify([text])).toString('base64url')),
      ),
    )
  })
})
