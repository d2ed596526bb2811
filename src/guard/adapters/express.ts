import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import { failureAnswer } from './admission.ts'
import { admitNodeRequest, writeNodeAnswer } from './node-admission.ts'

/** What the guard needs of a request of Express. */
export type ExpressRequest = IncomingMessage & { originalUrl: string; body?: unknown }

/** What handlers behind the guard find in a request of Express, beside what Express has there. */
export type GuardedByExpress = { auth: AuthInfo; body: unknown }

export type ExpressMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

/**
 * Middleware for Express 4 and 5. What comes after it is reached only with a decision of "allowed", and finds
 * `req.auth` and, for a POST, the parsed `req.body`. It may stand before or after `express.json()`.
 */
export function protectExpress(guard: Guard): ExpressMiddleware {
  return async (request, response, next) => {
    const exchange = { request, response, url: request.originalUrl, parsed: () => request.body }
    try {
      const allowed = await admitNodeRequest(guard, exchange, writeNodeAnswer.bind(undefined, response))
      if (!allowed) return
      const { auth, body } = allowed
      // `_body`: how the body parser of Express 4 knows that there is nothing left to read.
      Object.assign(request, { auth, _body: true }, body === undefined ? {} : { body })
    } catch (error) {
      guard.settings.on_error(error instanceof Error ? error : new Error('The guard failed'))
      return writeNodeAnswer(response, failureAnswer())
    }
    next()
  }
}
