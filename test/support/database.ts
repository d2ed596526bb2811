import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type Database, openDatabase } from '../../src/storage/database.ts'

export type TestDatabase = {
  database: Database
  url: string
  drop(): Promise<void>
}

/** A fresh migrated database with no rows. `from: 'nothing'` gives one without any table. */
export async function createTestDatabase(
  options: { from?: 'template' | 'nothing' } = {},
): Promise<TestDatabase> {
  const name = `toolgate_test_${randomBytes(8).toString('hex')}`
  const template = options.from === 'nothing' ? 'template1' : inject('template_database')
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  const url = new URL(inject('admin_url'))
  url.pathname = name
  const database = openDatabase({ url: url.href, pool_max: 8 })
  return {
    database,
    url: url.href,
    drop: async () => {
      await database.close()
      await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

const BUSY_TEMPLATE = '55006'

/** Postgres refuses two copies of one template at the very same moment; the second tries again. */
async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('admin_url') })
  await client.connect()
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query(statement)
        return
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || error.code !== BUSY_TEMPLATE || attempt === 20)
          throw error
      }
    }
  } finally {
    await client.end()
  }
}
