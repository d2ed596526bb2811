import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sharedDetail } from '../../../src/api/introspection/shared-detail.ts'

describe('sharedDetail', () => {
  it('is one frozen object for all that say the same', () => {
    const one = sharedDetail({ resource_server: 'rs_1', method: 'tools/call', needed: 'notes:read' })
    expect(sharedDetail({ resource_server: 'rs_1', method: 'tools/call', needed: 'notes:read' })).toBe(one)
    expect(Object.isFrozen(one)).toBe(true)
  })

  it('says what it was given, however many there are', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'))
    const shapes = fc.oneof(
      fc.record({ resource_server: text }),
      fc.record({ resource_server: text, reason: text }),
      fc.record({ resource_server: text, method: text, needed: text }),
    )
    fc.assert(
      fc.property(fc.array(shapes, { maxLength: 50 }), (all) => {
        for (const members of all) expect(sharedDetail(members as Record<string, string>)).toEqual(members)
      }),
      { numRuns: 200 },
    )
  })
})
