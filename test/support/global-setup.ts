import { randomBytes } from 'node:crypto'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/storage/database.ts'
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres/embedded-postgres.ts'
import { migrateUp } from '../../src/storage/migrate.ts'
import { PROPERTY_SEED } from './property-seed.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A role that may create databases. */
    admin_url: string
    /** A migrated database without rows; every test database is a copy of it. */
    template_database: string
  }
}

/** Names the seed, and opens one Postgres for the whole run: the one given, else a private one in a temporary directory. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.stdout.write(`Property tests run from TOOLGATE_TEST_SEED=${PROPERTY_SEED}\n`)
  const given = process.env.TOOLGATE_TEST_DATABASE_URL
  const server = given ? { url: given, stop: async () => {} } : await startTemporaryPostgres()
  const template = `toolgate_template_${randomBytes(6).toString('hex')}`
  const dropTemplate = () => execute(server.url, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`)
  try {
    await createTemplate(server.url, template)
  } catch (error) {
    await dropTemplate()
    await server.stop()
    throw error
  }
  project.provide('admin_url', server.url)
  project.provide('template_database', template)
  return async () => {
    await dropTemplate()
    await server.stop()
  }
}

async function createTemplate(admin_url: string, name: string): Promise<void> {
  await execute(admin_url, `CREATE DATABASE ${name}`)
  const url = new URL(admin_url)
  url.pathname = name
  const database = openDatabase({ url: url.href })
  try {
    await migrateUp(database.knex)
  } finally {
    await database.close()
  }
}

async function startTemporaryPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const data_dir = await mkdtemp(join(tmpdir(), 'toolgate-test-'))
  const server = await startEmbeddedPostgres({ data_dir })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      // It may lie elsewhere, when the temporary directory is closed to the user that runs Postgres.
      await rm(await realpath(join(data_dir, 'postgres')), { recursive: true, force: true })
      await rm(data_dir, { recursive: true, force: true })
    },
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
