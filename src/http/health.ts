import Router from '@koa/router'
import { AppError } from '../errors.ts'
import type { Database } from '../storage/database.ts'
import { migrationStatus } from '../storage/migrate.ts'

/** GET /healthz: the process answers. GET /readyz: it can also reach a migrated primary that takes writes. */
export function healthRoutes({ knex, hot }: Database): Router {
  const router = new Router()
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' }
  })
  router.get('/readyz', async (ctx) => {
    const { rows } = await hot.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    const { pending } = await migrationStatus(knex)
    if (rows[0]?.standby) throw new AppError('unavailable', 'The database is a standby')
    if (pending.length > 0) throw new AppError('unavailable', 'The database needs: toolgate migrate')
    ctx.body = { status: 'ready' }
  })
  return router
}
