/** The closed set of ways in which a request to Toolgate's own endpoints can fail, and the HTTP status of each. */
const STATUS = {
  invalid_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  throttled: 429,
  unavailable: 503,
} as const

export type ErrorCode = keyof typeof STATUS

/**
 * A failure the caller can understand. `message` is shown to the caller, so it never holds a secret;
 * `cause` is for the log only. Everything else that is thrown is a bug and answers 500.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
    this.status = STATUS[code]
  }
}
