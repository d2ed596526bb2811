import { readdir } from 'node:fs/promises'
import type { Knex } from 'knex'
import { AppError } from '../base/errors.ts'
import { grantToServerRole } from './server-role.ts'

/** `src/storage` and `dist/src/storage` both have their migrations two levels up. */
const DIRECTORY = new URL('../../migrations/', import.meta.url)
const MIGRATION_FILE = /^(?<name>\d{3}_\w+)\.(ts|js)$/

/** Key of the advisory lock that makes migrators wait for each other; Postgres frees it when the process dies. */
const LOCK = [0x746f6f6c, 1]

type MigrationFile = { name: string; url: string }

/**
 * Applies every pending migration in one transaction: all or none. Returns the names applied. With `server_role`, that
 * role may then do what a server needs, whether or not anything was pending; see server-role.ts for what it throws.
 */
export function migrateUp(db: Knex, options: { server_role?: string | undefined } = {}): Promise<string[]> {
  return migrate(db, async (trx) => {
    const { unknown } = await migrationStatus(trx)
    if (unknown.length > 0) await assertMigrated(trx)
    const [, names] = (await trx.migrate.latest({ migrationSource })) as [number, string[]]
    if (options.server_role !== undefined) await grantToServerRole(trx, options.server_role)
    return names
  })
}

/** Undoes the newest migration. Returns its name, or nothing when there was none. */
export function migrateDown(db: Knex): Promise<string[]> {
  return migrate(db, async (trx) => {
    const [, names] = (await trx.migrate.down({ migrationSource })) as [number, string[]]
    return names
  })
}

type MigrationStatus = {
  applied: string[]
  pending: string[]
  /** Applied by a newer release, which this one knows nothing of. */
  unknown: string[]
}

/** Names, oldest first, without extension. Writes nothing. */
export async function migrationStatus(db: Knex): Promise<MigrationStatus> {
  const known = (await migrationFiles()).map(({ name }) => name)
  const exists = await db.schema.hasTable('knex_migrations')
  const applied: string[] = exists ? await db('knex_migrations').orderBy('id').pluck('name') : []
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  }
}

/** Why the schema is none that this release serves, with what to do; undefined when it is. */
export async function schemaFault(db: Knex): Promise<string | undefined> {
  const { pending, unknown } = await migrationStatus(db)
  if (unknown.length > 0)
    return `The database has ${unknown.join(', ')} of a newer release: run that release, or restore a backup of this one.`
  if (pending.length > 0) return `The database lacks ${pending.join(', ')}: run \`toolgate migrate\` first.`
  return undefined
}

/** Refuses to serve on another release's schema: throws `unavailable` with what to do. */
export async function assertMigrated(db: Knex): Promise<void> {
  const fault = await schemaFault(db)
  if (fault !== undefined) throw new AppError('unavailable', fault)
}

/**
 * Because everything happens in one transaction, knex's own lock row is never committed, and a killed migrator
 * leaves no lock behind.
 */
function migrate(db: Knex, work: (trx: Knex.Transaction) => Promise<string[]>): Promise<string[]> {
  return db.transaction(async (trx) => {
    await trx.raw('SET LOCAL statement_timeout = 0')
    await trx.raw('SET LOCAL lock_timeout = 0')
    await trx.raw('SET LOCAL idle_in_transaction_session_timeout = 0')
    await trx.raw('SELECT pg_advisory_xact_lock(?, ?)', LOCK)
    return work(trx)
  })
}

async function migrationFiles(): Promise<MigrationFile[]> {
  const entries = await readdir(DIRECTORY)
  return entries
    .flatMap((entry) => {
      const name = MIGRATION_FILE.exec(entry)?.groups?.name
      return name === undefined ? [] : [{ name, url: new URL(entry, DIRECTORY).href }]
    })
    .sort((a, b) => a.name.localeCompare(b.name))
}

const migrationSource: Knex.MigrationSource<MigrationFile> = {
  getMigrations: migrationFiles,
  getMigrationName: (file) => file.name,
  getMigration: (file) => import(file.url),
}
