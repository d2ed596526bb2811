import { describe, expect, it } from 'vitest'
import { AppError, type ErrorCode } from '../../src/base/errors.ts'

const CODES: [ErrorCode, number][] = [
  ['invalid_input', 400],
  ['unauthenticated', 401],
  ['forbidden', 403],
  ['not_found', 404],
  ['conflict', 409],
  ['payload_too_large', 413],
  ['unsupported_media_type', 415],
  ['misdirected', 421],
  ['throttled', 429],
  ['unavailable', 503],
]

describe('AppError', () => {
  it.each(CODES)('%s is status %i', (code, status) => {
    expect(new AppError(code, 'words')).toMatchObject({ name: 'AppError', code, status, message: 'words' })
  })

  it('keeps the cause for the log, apart from the words for the caller', () => {
    const cause = new Error('the row says hunter2')
    const error = new AppError('unavailable', 'Try again', { cause })
    expect(error.cause).toBe(cause)
    expect(error.message).not.toContain('hunter2')
  })
})
