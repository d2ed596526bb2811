import { errors, Provider } from 'oidc-provider'
import { AppError } from '../../base/errors.ts'
import { siteOf } from '../../base/network.ts'
import { Rate } from '../../base/rate.ts'
import { BUSY_SECONDS } from '../../clients/documents/fetch-budget.ts'
import { clientIp } from '../../http/request-context.ts'

/** Bounds what anybody can make the engine keep or fetch, by where the request of the moment comes from. */
const LIMITS = {
  /** Sign-ins that begin; each leaves a row for an hour. Not of people who are signed in. */
  interaction: { of_one: 60, of_all: 2_000 },
  /** Assertions of clients, which register themselves; each leaves a row until it expires. */
  assertion: { of_one: 600, of_all: 6_000 },
} as const

/** Undefined outside of a request. */
export function callingSite(): string | undefined {
  const { ctx } = Provider
  return ctx && siteOf(clientIp(ctx))
}

/** Tells that it is too much now, which says nothing about the client. RFC 6749 §4.1.2.1 */
function temporarilyUnavailable(words: string): Error {
  Provider.ctx?.set('Retry-After', String(BUSY_SECONDS))
  const error = new errors.TemporarilyUnavailable(words)
  error.status = 503
  error.statusCode = 503
  return error
}

/** The same of what throws `unavailable`. */
export function unlessBusy<T>(work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    if (!(error instanceof AppError) || error.code !== 'unavailable') throw error
    throw temporarilyUnavailable(error.message)
  })
}

/** To be asked before such a row is written; throws when it is one too many. Of one process. */
export function rowLimit(kind: keyof typeof LIMITS): () => void {
  const rate = new Rate(LIMITS[kind])
  return () => {
    const site = callingSite()
    if (site !== undefined && !rate.take(site))
      throw temporarilyUnavailable('too many of these were begun from here in the last minute; try again')
  }
}
