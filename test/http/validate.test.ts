import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { AppError } from '../../src/base/errors.ts'
import { validate } from '../../src/http/validate.ts'

const Schema = z.strictObject({
  name: z.string(),
  roles: z.array(z.string()),
  nested: z.object({ n: z.int() }),
})

function faultOf(value: unknown): AppError {
  try {
    validate(Schema, value)
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error('no AppError was thrown')
}

describe('validate', () => {
  it('gives back what the schema makes of the value', () => {
    expect(validate(z.coerce.number(), '7')).toBe(7)
  })

  it('names every fault with its place in one message', () => {
    const { code, message } = faultOf({ roles: ['a', 1], nested: { n: 'x' }, more: 1 })
    expect(code).toBe('invalid_input')
    expect(message).toMatch(/name: /)
    expect(message).toMatch(/roles\[1\]: /)
    expect(message).toMatch(/nested\.n: /)
    expect(message).toMatch(/"more"/)
  })

  it('never repeats a value', () => {
    const { message } = faultOf({ name: 's3cret', roles: 's3cret', nested: 's3cret' })
    expect(message).not.toContain('s3cret')
  })

  it('keeps the message short however many faults there are', () => {
    const { message } = faultOf({ name: 'x', roles: new Array(5000).fill(1), nested: { n: 1 } })
    expect(message).toMatch(/and 4980 more$/)
    expect(message.length).toBeLessThan(2000)
  })
})
