import type { Database } from './database.ts'
import { schemaFault } from './migrate.ts'

/** Why this database cannot serve now, in words for an operator; undefined when it can. Throws when it is not there. */
export async function unreadiness({ knex, hot }: Database): Promise<string | undefined> {
  const { rows } = await hot.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
  if (rows[0]?.standby) return 'The database is a standby'
  return schemaFault(knex)
}
