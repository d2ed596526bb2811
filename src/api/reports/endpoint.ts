/**
 * POST /introspect/reports: what came of calls, told by the resource servers that ran them, for the audit log. Not the
 * hot path: it has its own queue, and none of what the introspection needs waits for it.
 */
import type { Context, Middleware } from 'koa'
import { answerRefusal } from '../../authorization-server/outcomes/oauth-error.ts'
import { AppError } from '../../base/errors.ts'
import { refuseMethod } from '../../http/allowed-methods.ts'
import { readJson } from '../../http/read-body.ts'
import { nameRoute, requestOrigin } from '../../http/request-context.ts'
import { validate } from '../../http/validate.ts'
import { isUnavailable } from '../../storage/database.ts'
import { INTROSPECTION_PATH } from '../introspection/endpoint.ts'
import type { ResourceServerSessions } from '../introspection/resource-server-session.ts'
import type { ReportIntake } from './intake.ts'
import { postedSchema, reportsSchema } from './report.ts'

export const REPORTS_PATH = `${INTROSPECTION_PATH}/reports`
const BODY_LIMIT_BYTES = 512 * 1024
/** With credentials in the body, which prove nothing before it is read. */
const UNPROVEN_LIMIT_BYTES = 64 * 1024
/** The body, its list, a report. */
const BODY_DEPTH = 3

/** Whoever reports has time; whoever asks has not. */
const RETRY_AFTER_SECONDS = '5'

export type ReportsDependencies = { sessions: Pick<ResourceServerSessions, 'open'>; intake: ReportIntake }

async function take(ctx: Context, { sessions, intake }: ReportsDependencies) {
  const authorization = ctx.get('authorization') || undefined
  const origin = requestOrigin(ctx)
  const open = (credentials: object) =>
    sessions.open({ authorization, parameters: new Map(Object.entries(credentials)), ...origin })
  const proven = authorization === undefined ? undefined : await open({})
  const limit_bytes = proven ? BODY_LIMIT_BYTES : UNPROVEN_LIMIT_BYTES
  const body = await readJson(ctx, { limit_bytes, depth: BODY_DEPTH })
  const { reports: unread, ...credentials } = validate(postedSchema, body)
  const is_proven = proven && Object.keys(credentials).length === 0
  const server = is_proven ? proven : await open(credentials)
  const { reports } = validate(reportsSchema, { reports: unread })
  return intake.take({ server, reports, ip: origin.ip })
}

/** As an introspection is refused. */
function refuse(ctx: Context, error: unknown): void {
  answerRefusal(ctx, isUnavailable(error) ? new AppError('unavailable', 'Reports are not taken now') : error)
  if (ctx.status === 503) ctx.set('Retry-After', RETRY_AFTER_SECONDS)
}

/**
 * Answers 200 once the reports are committed, 400, 401, 405, 413, 415 or 503. A report that is not taken for what it says
 * is named in the answer; one that is none fails them all.
 */
export function reportsEndpoint(dependencies: ReportsDependencies): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== REPORTS_PATH) return next()
    nameRoute(ctx, REPORTS_PATH)
    if (ctx.method !== 'POST') return refuseMethod(ctx, ['POST'])
    ctx.set('Cache-Control', 'no-store')
    try {
      ctx.body = await take(ctx, dependencies)
    } catch (error) {
      refuse(ctx, error)
    }
  }
}
