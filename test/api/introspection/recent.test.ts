import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Recent } from '../../../src/api/introspection/recent.ts'

describe('what was used lately', () => {
  it('is kept, as many as promised, whatever comes in between', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 300 }), (uses) => {
        const recent = new Recent<number>(5)
        const order: number[] = []
        for (const use of uses) {
          const kept = recent.get(`${use}`)
          if (order.slice(-5).includes(use)) expect(kept).toBe(use)
          if (kept === undefined) recent.set(`${use}`, use)
          order.splice(0, order.length, ...order.filter((each) => each !== use), use)
        }
      }),
    )
  })

  it('is forgotten when much else was used since', () => {
    const recent = new Recent<number>(5)
    recent.set('first', 1)
    for (let index = 0; index < 10; index++) recent.set(`${index}`, index)
    expect(recent.get('first')).toBeUndefined()
  })
})
