import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detailText } from '../../src/audit-chain/detail-text.ts'
import { type AuditDetail, normaliseEvent } from '../../src/audit-chain/event-fields.ts'
import { parseJson } from '../../src/base/json.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'
import { poisonParser } from '../support/poisoned-parser.ts'

const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.boolean(), fc.maxSafeInteger(), fc.constant(null))
const anything = fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(scalar, fc.array(scalar)), {
  noNullPrototype: true,
  minKeys: 1,
})
/** A detail as an event holds it: its texts are clean. */
const detail = anything.map(
  (value) =>
    normaliseEvent({ type: 'login.failed', actor: TEST.actor, detail: value as AuditDetail }).detail!,
)

describe('detailText', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
  })
  afterAll(() => test.drop())

  it('is what Postgres makes of it', async () => {
    const property = fc.asyncProperty(fc.array(detail, { minLength: 1, maxLength: 20 }), async (details) => {
      const texts = details.map(detailText)
      const { rows } = await test.database.hot.query(
        'select value::jsonb::text as text from unnest($1::text[]) as value',
        [texts],
      )
      expect(rows.map(({ text }) => text)).toEqual(texts)
    })
    await fc.assert(property, { numRuns: 50 })
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(detail, (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(detailText(reversed)).toBe(detailText(value))
      }),
    )
  })

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(detail, (value) => {
        poisonParser(detailText(value))
        expect(parseJson(detailText(value))).toEqual(parseJson(JSON.stringify(value)))
      }),
    )
  })

  it('does not let a number too large pass for null', () => {
    expect(detailText(JSON.parse('{"a":1e400}'))).not.toBe(detailText({ a: null }))
  })
})
