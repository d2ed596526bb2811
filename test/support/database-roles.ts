import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { openDatabase } from '../../src/storage/database.ts'
import { migrateUp } from '../../src/storage/migrate.ts'
import type { TestDatabase } from './database.ts'

/** A database as production has it: one role owns it, and the server is another that may do less. */
export type DatabaseWithRoles = {
  /** Connects as the owner, who is no superuser. */
  db: TestDatabase
  owner: string
  server_role: string
  server_url: string
  /** As superuser, in this database. */
  asAdmin(statement: string): Promise<void>
  /** Drops the database, then the roles. */
  drop(): Promise<void>
}

async function execute(url: URL, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Migrates as the owner, as `toolgate migrate` does with TOOLGATE_DATABASE_SERVER_ROLE. */
export async function createDatabaseWithRoles(): Promise<DatabaseWithRoles> {
  const name = `toolgate_test_${randomBytes(8).toString('hex')}`
  const [owner, server_role] = [`${name}_owner`, `${name}_server`]
  const password = randomBytes(12).toString('hex')
  const admin = new URL(inject('admin_url'))
  await execute(
    admin,
    `create role ${owner} login password '${password}'`,
    `create role ${server_role} login password '${password}'`,
    `create database ${name} owner ${owner}`,
  )
  const urlOf = (role: string) => {
    const url = new URL(admin)
    Object.assign(url, { username: role, password, pathname: name })
    return url
  }
  const inside = new URL(admin)
  inside.pathname = name
  const database = openDatabase({ url: urlOf(owner).href, pool_max: 8 })
  await migrateUp(database.knex, { server_role })
  const drop = async () => {
    await database.close()
    await execute(
      admin,
      `drop database if exists ${name} with (force)`,
      `drop role ${server_role}`,
      `drop role ${owner}`,
    )
  }
  return {
    db: { database, url: urlOf(owner).href, drop },
    owner,
    server_role,
    server_url: urlOf(server_role).href,
    asAdmin: (statement) => execute(inside, statement),
    drop,
  }
}
