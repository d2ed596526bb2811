import type { z } from 'zod'
import { AppError } from '../base/errors.ts'

const MAX_FAULTS = 20

/**
 * What `schema` makes of `value`. Throws AppError invalid_input that names all faults (at most 20) in one message,
 * each with the place it is at. Values are never repeated, since one of them may be a secret.
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { issues } = result.error
  const faults = issues.slice(0, MAX_FAULTS).map((issue) => {
    const place = placeOf(issue.path)
    return place === '' ? issue.message : `${place}: ${issue.message}`
  })
  if (issues.length > MAX_FAULTS) faults.push(`and ${issues.length - MAX_FAULTS} more`)
  throw new AppError('invalid_input', faults.join('; '))
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === 'number') return `${place}[${key}]`
    return place === '' ? String(key) : `${place}.${String(key)}`
  }, '')
}
