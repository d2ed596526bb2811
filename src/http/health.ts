import Router from '@koa/router'
import { AppError } from '../base/errors.ts'
import type { Database } from '../storage/database.ts'
import { unreadiness } from '../storage/readiness.ts'

/** GET /healthz: the process answers. GET /readyz: it can also reach a migrated primary that takes writes. */
export function healthRoutes(database: Database): Router {
  const router = new Router()
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' }
  })
  router.get('/readyz', async (ctx) => {
    const reason = await unreadiness(database)
    if (reason !== undefined) throw new AppError('unavailable', reason)
    ctx.body = { status: 'ready' }
  })
  return router
}
