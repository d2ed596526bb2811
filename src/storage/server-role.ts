import type { Knex } from 'knex'
import { AppError } from '../base/errors.ts'

/**
 * The role of a server that does not own its tables: what it may do, given by whoever migrates. It adds to the audit
 * log and reads it.
 */
const ALL = ['select', 'insert', 'update', 'delete']
const PRIVILEGES: Record<string, readonly string[]> = {
  audit_events: ['select', 'insert'],
  audit_closings: ['select'],
  audit_writers: ['select', 'insert', 'update'],
  audit_checkpoints: ['select', 'insert'],
  audit_checkpoint_heads: ['select', 'insert'],
  resource_servers: ALL,
  resource_server_reports: ALL,
  // A server applies TOOLGATE_CATALOGUE as a new version; versions never change.
  catalogue_versions: ['select', 'insert'],
  knex_migrations: ['select'],
  accounts: ALL,
  operator_tokens: ALL,
  page_sessions: ALL,
  personal_access_tokens: ALL,
  grant_tool_uses: ALL,
  usage_hours: ALL,
  blocked_clients: ALL,
  login_attempts: ALL,
  clients: ALL,
  metadata_documents: ALL,
  client_key_sets: ALL,
  grants: ALL,
  authorization_codes: ALL,
  refresh_tokens: ALL,
  access_tokens: ALL,
  oidc_payloads: ALL,
}
/** Functions that do with the rights of the owner what the server must have done. */
const FUNCTIONS = [
  'toolgate_create_audit_partitions(integer)',
  'toolgate_settle_audit_default()',
  'toolgate_summarise_audit_ids()',
]

export const GRANTED_TABLES: readonly string[] = Object.keys(PRIVILEGES)

export type DatabaseRole = {
  name: string
  /** It could change or remove audit events: by its privileges, as owner, or by making itself the owner. */
  may_change_audit: boolean
  /** What a server needs and this role may not do, such as `update on grants`. */
  lacks: string[]
}

const MAY_CHANGE_AUDIT = `
  select r.rolsuper or r.rolcreaterole or exists (
    select from pg_class c
    where (c.oid = 'audit_events'::regclass
           or c.oid in (select inhrelid from pg_inherits where inhparent = 'audit_events'::regclass))
      and (pg_has_role(r.oid, c.relowner, 'member')
           or has_table_privilege(r.oid, c.oid, 'update, delete, truncate, trigger')
           or has_any_column_privilege(r.oid, c.oid, 'update'))) as may_change
  from pg_roles r where r.rolname = ?`

const LACKS = `
  select needed.privilege || ' on ' || needed.name as lacked
  from unnest(?::text[], ?::text[]) as needed(name, privilege)
  where not has_table_privilege(?::name, needed.name, needed.privilege)
  union all
  select 'execute on ' || name from unnest(?::text[]) as name where not has_function_privilege(?::name, name, 'execute')`

/** What the role of this connection, or the role with this name, may do to a migrated database. */
export async function databaseRole(db: Knex, role?: string): Promise<DatabaseRole> {
  const name: string = role ?? (await db.raw('select current_user::text as name')).rows[0].name
  const { rows } = await db.raw(MAY_CHANGE_AUDIT, [name])
  if (!rows[0]) throw new AppError('not_found', missing(name))
  const needed = Object.entries(PRIVILEGES).flatMap(([table, list]) => list.map((each) => [table, each]))
  const bindings = [needed.map(([table]) => table), needed.map(([, each]) => each), name, FUNCTIONS, name]
  const lacking = await db.raw(LACKS, bindings as Knex.RawBinding[])
  const lacks = lacking.rows.map(({ lacked }: { lacked: string }) => lacked)
  return { name, may_change_audit: rows[0].may_change, lacks }
}

function missing(role: string): string {
  return `There is no database role ${role}; create it first: create role ${role} login password '…'`
}

/**
 * Lets `role` do what a server needs on this schema, and nothing else. Call it as the owner of the tables, in one
 * transaction. Throws `not_found` when there is no such role, `conflict` when it could change audit events anyway.
 */
export async function grantToServerRole(trx: Knex, role: string): Promise<void> {
  const { rows } = await trx.raw('select current_schema() as schema, 1 from pg_roles where rolname = ?', [
    role,
  ])
  const schema: string | undefined = rows[0]?.schema
  if (schema === undefined) throw new AppError('not_found', missing(role))
  for (const objects of ['tables', 'sequences', 'functions'])
    await trx.raw(`revoke all on all ${objects} in schema ?? from ??`, [schema, role])
  await trx.raw('revoke all on schema ?? from ??', [schema, role])
  await trx.raw('grant usage on schema ?? to ??', [schema, role])
  for (const [table, privileges] of Object.entries(PRIVILEGES))
    await trx.raw(`grant ${privileges.join(', ')} on ?? to ??`, [table, role])
  for (const name of FUNCTIONS) await trx.raw(`grant execute on function ${name} to ??`, [role])
  const { may_change_audit } = await databaseRole(trx, role)
  if (may_change_audit)
    throw new AppError(
      'conflict',
      `The role ${role} could change the audit log: a server role must not own the tables, be a member of their owner, ` +
        'be a superuser, or have CREATEROLE',
    )
}
