import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { AppError } from '../../src/base/errors.ts'
import { keyset, milliseconds, storableText } from '../../src/storage/keyset.ts'

type Key = { at: Date; id: string }

const keys = keyset<Key>(z.object({ at: milliseconds, id: storableText }))

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The key of a cursor that is taken; undefined for one that is refused as it shall be. */
function read(cursor: string): Key | undefined {
  try {
    return keys.read(cursor)
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_input' && error.message === 'Invalid cursor')
      return undefined
    throw error
  }
}

describe('a cursor', () => {
  it('gives back every key that a row can have, and is base64url', () => {
    const key = fc.record({
      at: fc.date({ min: new Date(0), max: new Date('5000-01-01'), noInvalidDate: true }),
      id: fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
        .filter((id) => storableText.safeParse(id).success),
    })
    fc.assert(
      fc.property(key, (key) => {
        const cursor = keys.write(key)
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(keys.read(cursor)).toEqual(key)
      }),
    )
  })

  it('is one that was given, in the same spelling, or is refused as an invalid cursor', () => {
    const value = fc.oneof(
      fc.json(),
      fc.record({ at: fc.oneof(fc.integer(), fc.double(), fc.string()), id: fc.string({ unit: 'binary' }) }),
    )
    const near = fc.record({ at: fc.nat(), id: fc.string({ minLength: 1 }) }).map(encoded)
    const cursor = fc.oneof(
      fc.string({ unit: 'binary' }),
      value.map(encoded),
      near,
      fc.tuple(near, fc.constantFrom('=', '+', ' ', 'A', '\n')).map(([text, more]) => text + more),
    )
    fc.assert(
      fc.property(cursor, (text) => {
        const key = read(text)
        if (key) expect(keys.write(key)).toBe(text)
      }),
    )
  })

  it.each([
    ['', 'W'.repeat(10_000), '%'],
    [{}, null, [], [1, 'x'], '1'].map(encoded),
    [
      { at: '1', id: 'x' },
      { at: -1, id: 'x' },
      { at: 1e15, id: 'x' },
    ].map(encoded),
    [
      { at: 1, id: '' },
      { at: 1, id: 'a\0' },
      { at: 1, id: '\ud800' },
      { id: 'x', at: 1 },
    ].map(encoded),
    [encoded({ at: 1, id: 'x', more: 1 }), `${encoded({ at: 1, id: 'x' })}=`],
  ])('%j and the like are refused', (...cursors) => {
    expect(cursors.map(read)).toEqual(cursors.map(() => undefined))
  })
})

describe('a page', () => {
  it('has as many rows as were asked for, and says where the next begins, once for every row', async () => {
    const all = Array.from({ length: 7 }, (_, at) => ({ at: new Date(at), id: 'x', more: at }))
    const seen: number[] = []
    let next: string | undefined
    do {
      const page = await keys.page({ limit: 3, after: next }, ({ limit, after }) =>
        all.filter(({ at }) => !after || at > after.at).slice(0, limit),
      )
      expect(page.rows.length).toBeLessThanOrEqual(3)
      seen.push(...page.rows.map(({ more }) => more))
      next = page.next
    } while (next !== undefined)
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})
