import Koa from 'koa'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errorHandler } from '../../src/http/error-handler.ts'
import { healthRoutes } from '../../src/http/health.ts'
import { createRenderer } from '../../src/http/render.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { migrateDown } from '../../src/storage/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { serveRaw } from './raw-http.ts'

let test: TestDatabase
let server: Awaited<ReturnType<typeof serveRaw>>

async function serve(database: Database) {
  const koa = new Koa()
  koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
  koa.use(healthRoutes(database).routes())
  return serveRaw(koa.callback())
}

beforeEach(async () => {
  test = await createTestDatabase()
  server = await serve(test.database)
})
afterEach(async () => {
  await server.close()
  await test.drop()
})

async function get(path: string, { port } = server) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  const body = (await response.json()) as { status: unknown; detail?: string }
  return { status: response.status, body, retry_after: response.headers.get('retry-after') }
}

describe('readiness', () => {
  it('is told when the database is migrated', async () => {
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
  })

  it('is refused with 503 and what to do while a migration is pending', async () => {
    await migrateDown(test.database.knex)
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      retry_after: '1',
      body: { detail: expect.stringContaining('run `toolgate migrate`') },
    })
  })

  it('is refused with 503 when the database is gone, while the process is alive', async () => {
    const gone = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
    const alone = await serve(gone)
    expect(await get('/readyz', alone)).toMatchObject({ status: 503, retry_after: '1' })
    expect(await get('/healthz', alone)).toMatchObject({ status: 200, body: { status: 'ok' } })
    await Promise.all([alone.close(), gone.close()])
  })
})
