import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Person } from '../../examples/demo/person.ts'
import { changeAccount, createAccount } from '../../src/accounts/accounts.ts'
import { createOperatorToken, revokeOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { signOutEverywhere } from '../../src/accounts/sessions/sessions.ts'
import {
  createAuditPartitions,
  settleDefaultPartition,
} from '../../src/audit/integrity/archive/partition-store.ts'
import { monthsToDrop } from '../../src/audit/integrity/archive/retention.ts'
import { generateCheckpointKey } from '../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { generateKeys } from '../../src/authorization-server/keys.ts'
import { addResourceServerWithKeys } from '../../src/clients/resource-servers/resource-servers.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startServer } from '../../src/main/server.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { migrateUp } from '../../src/storage/migrate.ts'
import { databaseRole, GRANTED_TABLES } from '../../src/storage/server-role.ts'
import { sweepExpired, wipeSealedResponses } from '../../src/storage/sweep.ts'
import { inMonth, newWriter, write } from '../audit/months.ts'
import { asserting, assertion, jwksOf, testKey } from '../support/assertions.ts'
import { createDatabaseWithRoles, type DatabaseWithRoles } from '../support/database-roles.ts'
import { by, TEST } from '../support/origins.ts'
import { readDocument, tableRows } from '../support/readme.ts'
import { RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'

/** Everything a server does, done by a role that may only add to the audit log; and what this role may not do. */
let roles: DatabaseWithRoles
let limited: Database
let toolgate: Toolgate

beforeAll(async () => {
  roles = await createDatabaseWithRoles()
  limited = openDatabase({ url: roles.server_url })
  toolgate = await Toolgate.start({ db: roles.db, server_url: roles.server_url })
})
afterAll(async () => {
  await limited?.close()
  await toolgate?.close()
})

async function connected(): Promise<{ client_id: string; tokens: Tokens; username: string }> {
  const { person, username } = await toolgate.account()
  const { client_id } = await toolgate.register()
  return { client_id, username, tokens: await toolgate.tokens(person(), client_id) }
}

const tables = async (where: string): Promise<string[]> => {
  const { rows } = await roles.db.database.knex.raw(
    `select relname from pg_class c where ${where} order by 1`,
  )
  return rows.map(({ relname }: { relname: string }) => relname)
}

describe('a server whose role does not own the tables', () => {
  it('signs people in, asks for consent, gives, refreshes and replays tokens', async () => {
    const { client_id, tokens } = await connected()
    const answers = [
      await toolgate.refresh(client_id, tokens.refresh_token),
      await toolgate.refresh(client_id, tokens.refresh_token),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(await answers[0]?.text()).toBe(await answers[1]?.text())
  })

  it('counts failed sign-ins', async () => {
    const { client_id } = await toolgate.register()
    const { username } = await toolgate.account()
    const stranger = new Person({ username, password: 'a guess' })
    await toolgate.authorize(stranger, client_id).catch(() => undefined)
    const counted = await limited
      .knex('login_attempts')
      .whereNotNull('account_id')
      .max('failures as failures')
      .first()
    expect(counted?.failures).toBeGreaterThan(0)
  })

  it('decides tools for secrets and for keys, and denies', async () => {
    const { tokens } = await connected()
    const call = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    const rs = await toolgate.resourceServer()
    expect(await toolgate.introspect(rs, tokens.access_token, call)).toMatchObject({ mcp: { allowed: true } })
    const key = testKey()
    const request = { id: 'signing', resource: RESOURCE, jwks: jwksOf(key) }
    await addResourceServerWithKeys(toolgate.dependencies, request, TEST)
    const form = asserting(assertion(key, { id: 'signing', aud: toolgate.issuer }))
    const response = await toolgate.post('/introspect', {
      token: tokens.access_token,
      ...form,
      ...call,
      mcp_name: 'delete_note',
    })
    expect(await response.json()).toMatchObject({ active: true, mcp: { allowed: false } })
  })

  it('revokes for clients and for operators', async () => {
    const rs = await toolgate.resourceServer()
    const { client_id, tokens } = await connected()
    expect((await toolgate.post('/revoke', { token: tokens.refresh_token, client_id })).status).toBe(200)
    expect(await toolgate.introspect(rs, tokens.access_token)).toEqual({ active: false })

    const other = await connected()
    const { token } = await toolgate.operatorToken()
    const response = await toolgate.fetch('/operator/api/v1/grants/revoke', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ account: other.username, reason: 'test' }),
    })
    expect(await response.json()).toEqual({ revoked: [expect.any(String)] })
    expect(await toolgate.introspect(rs, other.tokens.access_token)).toEqual({ active: false })
  })

  it('makes and changes accounts and operator tokens, and ends sessions', async () => {
    const { knex } = limited
    const audit = new AuditLog(limited.hot)
    const dependencies = { db: knex, audit }
    const username = 'made-by-the-server'
    const account = { username, password: 'correct horse battery', roles: ['editor'] }
    const { id } = await createAccount(dependencies, account, TEST)
    await changeAccount(dependencies, username, { disabled: true }, by('x'))
    await changeAccount(dependencies, username, { disabled: false }, TEST)
    await signOutEverywhere(dependencies, { account_id: id }, TEST)
    const made = await createOperatorToken(dependencies, { name: 'test', days: 1 }, TEST)
    await revokeOperatorToken(dependencies, made.id, TEST)
    await audit.close()
  })

  it('sweeps, wipes, and makes partitions into which it then writes', async () => {
    await sweepExpired(limited.knex)
    await wipeSealedResponses(limited.knex, 0)
    expect(await createAuditPartitions(limited.knex, 14)).toBe(2)
    const [newest = ''] = (await tables(`relname ~ '^audit_events_2'and relkind = 'r'`)).slice(-1)
    const trx = await limited.knex.transaction()
    await trx.raw(`insert into audit_events (occurred_at, writer_id, seq, id, type, actor_kind, prev_hash, hash)
      select now() + interval '14 months', gen_random_uuid(), 1, gen_random_uuid(), 'x', 'x', hash, hash
      from audit_events limit 1`)
    expect(
      (await trx('audit_events').where({ type: 'x' }).select(trx.raw('tableoid::regclass::text as name')))[0],
    ).toEqual({ name: newest })
    await trx.rollback()
  })

  it('is ready, starts in development and in production, and says that it cannot change the log', async () => {
    expect((await toolgate.fetch('/readyz')).status).toBe(200)
    for (const environment of [{}, PRODUCTION]) {
      const logged = await startAs(roles.server_url, environment)
      expect(logged).toContainEqual(
        expect.objectContaining({
          level: 30,
          role: roles.server_role,
          msg: expect.stringContaining('not change it'),
        }),
      )
      expect(logged.filter(({ level }) => Number(level) > 30)).toEqual([])
    }
  })

  it('leaves chains that verify, by whoever may read', async () => {
    expect((await verifyChains(limited.knex)).faults).toEqual([])
  })
})

const PRODUCTION = {
  TOOLGATE_ENV: 'production',
  TOOLGATE_ISSUER: 'https://auth.example',
  TOOLGATE_TRUSTED_PROXY_HOPS: '1',
  TOOLGATE_AUDIT_CHECKPOINT_SINKS: `file:${join(tmpdir(), randomUUID())}`,
}

type Line = { level: number; role?: string; msg: string }

/** What a server logs that starts here and stops again. */
async function startAs(url: string, environment: Record<string, string>): Promise<Line[]> {
  const lines: Line[] = []
  const keys = await generateKeys()
  const config = loadConfig({
    TOOLGATE_DATABASE_URL: url,
    TOOLGATE_PORT: '0',
    TOOLGATE_HOST: '127.0.0.1',
    TOOLGATE_EXAMPLE_SERVER: 'off',
    TOOLGATE_KEYS: JSON.stringify(keys),
    TOOLGATE_AUDIT_KEY: await generateCheckpointKey(),
    ...environment,
  })
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  const server = await startServer(config, log)
  await server.close()
  return lines
}

describe('such a role', () => {
  const refused = async (statement: string) =>
    limited.knex
      .raw(statement)
      .then(() => 'done')
      .catch(({ code }: { code: string }) => code)

  it('may not change, remove or empty audit events, in the table or in any partition', async () => {
    const partitions = await tables(
      `oid in (select inhrelid from pg_inherits where inhparent = 'audit_events'::regclass)`,
    )
    expect(partitions.length).toBeGreaterThan(13)
    for (const table of ['audit_events', ...partitions]) {
      for (const statement of [
        `update ${table} set tool = null`,
        `delete from ${table}`,
        `truncate ${table}`,
        `drop table ${table}`,
        `alter table ${table} disable trigger all`,
        `drop trigger audit_append_only on ${table}`,
        `alter table ${table} drop column tool`,
        `alter table ${table} owner to ${roles.server_role}`,
        `create trigger mine before insert on ${table} for each row execute function suppress_redundant_updates_trigger()`,
        `create rule mine as on insert to ${table} do instead nothing`,
        `do $$ begin lock table ${table} in access exclusive mode; end $$`,
      ])
        expect(await refused(statement), statement).toBe('42501')
    }
    for (const table of partitions)
      expect(await refused(`alter table audit_events detach partition ${table}`)).toBe('42501')
  })

  it.each([
    ['switch triggers off', 'set session_replication_role = replica'],
    ['become the owner', 'set role OWNER'],
    ['make itself the owner', 'grant OWNER to SERVER'],
    ['make tables', 'create table mine (id int)'],
    ['make functions', `create function mine() returns int language sql as 'select 1'`],
    [
      'replace functions',
      `create or replace function toolgate_refuse_audit_change() returns trigger language plpgsql as 'begin return null; end'`,
    ],
    ['drop functions', 'drop function toolgate_refuse_audit_change() cascade'],
    ['put triggers on tables', `select toolgate_protect_audit_table('grants')`],
    ['change a catalogue that was applied', `update catalogue_versions set document = '{}'`],
    ['remove catalogues', 'delete from catalogue_versions'],
    ['say that migrations were applied', `insert into knex_migrations (name) values ('x')`],
  ])('may not %s', async (_, statement) => {
    const { owner, server_role } = roles
    const named = statement.replaceAll('OWNER', owner).replaceAll('SERVER', server_role)
    expect(await refused(named)).toBe('42501')
  })

  it('may have partitions made for ten years at most', async () => {
    expect(await refused('select toolgate_create_audit_partitions(121)')).toBe('22023')
    expect(await refused('select toolgate_create_audit_partitions(-1)')).toBe('22023')
    expect(await refused('select toolgate_create_audit_partitions(null)')).toBe('22023')
  })

  it('cannot lead the function that runs as the owner to tables of its own', async () => {
    const trx = await limited.knex.transaction()
    await trx.raw('create temporary table audit_events_default (occurred_at timestamptz)')
    await trx.raw(
      'create temporary table audit_events (occurred_at timestamptz) partition by range (occurred_at)',
    )
    await trx.raw('set local search_path = pg_temp, public')
    expect(await createAuditPartitions(trx, 15)).toBe(1)
    const { rows } = await trx.raw(
      `select count(*)::int as made from pg_inherits where inhparent = 'pg_temp.audit_events'::regclass`,
    )
    expect(rows).toEqual([{ made: 0 }])
    await trx.rollback()
  })

  it('has events that lie in no month moved into theirs, and may not drop a month', async () => {
    const { database } = roles.db
    await write(database, newWriter(), inMonth(-30), 2)
    expect(await settleDefaultPartition(limited.knex)).toBe(2)
    await write(database, newWriter(), inMonth(3), 1)
    expect(await settleDefaultPartition(limited.knex)).toBe(1)
    await expect(monthsToDrop(limited.knex, 1)).rejects.toMatchObject({ code: 'forbidden' })
    expect(await refused('select toolgate_settle_audit_default(); drop table audit_closings')).toBe('42501')
    expect(await refused('delete from audit_closings')).toBe('42501')
  })

  it('is not needed by a role that nobody let in: it may do nothing', async () => {
    const nobody = `${roles.server_role}_nobody`
    await roles.asAdmin(`create role ${nobody}`)
    const trx = await roles.db.database.knex.transaction()
    expect(await databaseRole(trx, nobody)).toMatchObject({
      may_change_audit: false,
      lacks: expect.arrayContaining([
        'insert on audit_events',
        'execute on toolgate_create_audit_partitions(integer)',
      ]),
    })
    await trx.rollback()
    await roles.asAdmin(`drop role ${nobody}`)
  })
})

describe('migrating with a server role', () => {
  const migrate = (server_role: string) => migrateUp(roles.db.database.knex, { server_role })

  it('can be done again, and takes back what was given besides', async () => {
    const { knex } = roles.db.database
    await knex.raw('grant update on catalogue_versions to ??', [roles.server_role])
    await migrate(roles.server_role)
    const { rows } = await knex.raw(`select has_table_privilege(?, 'catalogue_versions', 'update') as may`, [
      roles.server_role,
    ])
    expect(rows).toEqual([{ may: false }])
    expect(await databaseRole(knex, roles.server_role)).toMatchObject({ may_change_audit: false, lacks: [] })
  })

  it('says of every table what a server may do with it', async () => {
    const all = await tables(
      `relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'knex_migrations_lock'`,
    )
    expect([...GRANTED_TABLES].sort()).toEqual(all)
  })

  it('gives what docs/storage-schema.md says', async () => {
    const { rows } = await roles.db.database.knex.raw(
      `select table_name as name, array_agg(lower(privilege_type)) as privileges
       from information_schema.table_privileges where grantee = ? group by 1`,
      [roles.server_role],
    )
    const code = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
    const documented = tableRows(readDocument('docs/storage-schema.md'), 'What the role of the server may do')
    const said = documented.flatMap(([names, privileges]) =>
      code(names).map((name) => [name, code(privileges).sort()] as const),
    )
    const given = rows.map(({ name, privileges }: { name: string; privileges: string[] }) => [
      name,
      privileges.sort(),
    ])
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(given))
  })

  it('is refused for a role that is not there, for the owner, and for whoever may become the owner', async () => {
    const { owner, server_role, asAdmin } = roles
    await expect(migrate(`${server_role}_x`)).rejects.toMatchObject({ code: 'not_found' })
    await expect(migrate(owner)).rejects.toMatchObject({ code: 'conflict' })
    for (const [give, take] of [
      [`grant ${owner} to ${server_role}`, `revoke ${owner} from ${server_role}`],
      [`alter role ${server_role} createrole`, `alter role ${server_role} nocreaterole`],
      [`alter role ${server_role} superuser`, `alter role ${server_role} nosuperuser`],
      [`grant pg_write_all_data to ${server_role}`, `revoke pg_write_all_data from ${server_role}`],
      [`grant update (tool) on audit_events to public`, `revoke update (tool) on audit_events from public`],
    ] as const) {
      await asAdmin(give)
      await expect(migrate(server_role), give).rejects.toMatchObject({ code: 'conflict' })
      await asAdmin(take)
    }
    expect(await databaseRole(limited.knex)).toEqual({
      name: server_role,
      may_change_audit: false,
      lacks: [],
    })
  })
})

describe('a server whose role owns the tables', () => {
  it('says so when it starts; in production it warns', async () => {
    const about = (lines: Line[]) =>
      lines.filter(({ role }) => role === roles.owner).map(({ level }) => level)
    expect(about(await startAs(roles.db.url, {}))).toEqual([30])
    expect(about(await startAs(roles.db.url, PRODUCTION))).toEqual([40])
  })

  it('does not start when its role lacks what it needs, and says which command helps', async () => {
    await roles.db.database.knex.raw('revoke update on grants from ??', [roles.server_role])
    await expect(startAs(roles.server_url, {})).rejects.toThrow(
      /lacks update on grants: run `toolgate migrate`/,
    )
    await migrateUp(roles.db.database.knex, { server_role: roles.server_role })
  })

  it('is still stopped by the triggers, also where ordinary ones are off', async () => {
    const { knex } = roles.db.database
    for (const statement of [
      'update audit_events set tool = null',
      'delete from audit_events',
      'truncate audit_events',
    ])
      await expect(knex.raw(statement)).rejects.toThrow('append-only')
    await expect(knex.raw('set session_replication_role = replica')).rejects.toThrow('permission denied')
    await expect(
      roles.asAdmin('set session_replication_role = replica; delete from audit_events'),
    ).rejects.toThrow('append-only')
  })
})
