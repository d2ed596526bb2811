// Whoever held a credential that was revoked after the backup: a restore must not give it back.
import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Knex } from 'knex'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { changeAccount } from '../../src/accounts/accounts.ts'
import { revokeOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { exportEvents } from '../../src/audit/export/export.ts'
import { signCheckpoint } from '../../src/audit/integrity/checkpoints/checkpoint.ts'
import {
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { appendCheckpoint } from '../../src/audit/integrity/checkpoints/checkpoint-sinks.ts'
import { makeCheckpoint } from '../../src/audit/integrity/checkpoints/checkpointer.ts'
import { generateKeys } from '../../src/authorization-server/keys.ts'
import { blockClient } from '../../src/clients/client-blocks.ts'
import { loadConfig } from '../../src/config/config.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import { createLogger } from '../../src/main/logger.ts'
import { startServer } from '../../src/main/server.ts'
import { revokePersonalToken } from '../../src/personal-tokens/personal-access-tokens.ts'
import { TEST } from '../support/origins.ts'
import { ROOT } from '../support/readme.ts'
import { postTo } from '../support/second-instance.ts'
import { Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let directory: string
let sink: string
let env: Record<string, string>
let key: string

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'toolgate-restore-'))
  sink = join(directory, 'checkpoints.jsonl')
  toolgate = await Toolgate.start()
  key = await generateCheckpointKey()
  env = {
    TOOLGATE_ISSUER: toolgate.issuer,
    TOOLGATE_PORT: '0',
    TOOLGATE_DATABASE_URL: toolgate.db.url,
    TOOLGATE_DATA_DIR: directory,
    TOOLGATE_EXAMPLE_SERVER: 'off',
    TOOLGATE_AUDIT_KEY: key,
    TOOLGATE_KEYS: JSON.stringify(await generateKeys()),
    TOOLGATE_AUDIT_CHECKPOINT_SINKS: `file:${sink}`,
  }
})
afterEach(async () => {
  await toolgate.close()
  rmSync(directory, { recursive: true })
})

const knex = () => toolgate.db.database.knex

/** `toolgate …` as a program of its own. */
function command(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { PATH: process.env.PATH, ...env } }
    const child = execFile(process.execPath, ['src/cli/main.ts', ...words], options, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

async function tables(db: Knex): Promise<string[]> {
  const { rows } = await db.raw(
    `select quote_ident(relname) as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  return rows.map(({ name }: { name: string }) => name)
}

async function backUp(db: Knex): Promise<void> {
  await db.raw('create schema backup')
  for (const name of await tables(db)) await db.raw(`create table backup.${name} as table public.${name}`)
}

/** Everything as it was, and nothing else, as pg_restore leaves it. */
async function restore(db: Knex): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw("set local session_replication_role = 'replica'")
    for (const name of await tables(trx)) {
      await trx.raw(`alter table public.${name} disable trigger all`)
      await trx.raw(`delete from public.${name}`)
      const { rows } = await trx.raw(
        `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
         where attrelid = 'public.${name}'::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      )
      const { columns } = rows[0]
      await trx.raw(
        `insert into public.${name} (${columns}) overriding system value select ${columns} from backup.${name}`,
      )
    }
  })
}

async function credentials() {
  const rs = await toolgate.resourceServer()
  const make = async () => {
    const { person, username, id } = await toolgate.account()
    const { client_id } = await toolgate.register({ client_name: `App of ${username}` })
    const tokens = await toolgate.tokens(person(), client_id)
    const { id: grant_id } = await knex()('grants').where({ account_id: id }).first('id')
    return { ...tokens, username, id, client_id, grant_id, pat: await toolgate.personalToken(username) }
  }
  return {
    rs,
    taken: await make(),
    kept: await make(),
    disabled: await make(),
    blocked: await make(),
    operator: await toolgate.operatorToken(),
  }
}
type Made = Awaited<ReturnType<typeof credentials>>

/** What operators do after the backup, with a checkpoint of it outside. */
async function takeAway({ taken, disabled, blocked, operator }: Made): Promise<void> {
  const { dependencies } = toolgate
  await revokeGrants(dependencies, { id: taken.grant_id }, TEST)
  await revokePersonalToken(dependencies, { id: taken.pat.id }, TEST)
  await changeAccount(dependencies, disabled.username, { disabled: true }, TEST)
  await revokeOperatorToken(dependencies, operator.id, TEST)
  await blockClient(dependencies, blocked.client_id, { ...TEST, reason: 'phishing' })
  const making = { db: knex(), key: await parseCheckpointKey(key), issuer: toolgate.issuer }
  await appendCheckpoint(sink, await makeCheckpoint(making))
}

async function serve() {
  const lines: string[] = []
  const server = await startServer(
    loadConfig(env),
    createLogger('info', { write: (line) => void lines.push(line) }),
  )
  const { rs } = made
  const active = async (token: string) => {
    const { client_id, client_secret = '' } = rs as { client_id: string; client_secret?: string }
    const answer = await postTo(server.port, toolgate.issuer, '/introspect', {
      token,
      client_id,
      client_secret,
    })
    return ((await answer.json()) as { active?: boolean }).active
  }
  return { ...server, lines, active }
}
let made: Made

async function lost(): Promise<void> {
  made = await credentials()
  await backUp(knex())
  await takeAway(made)
}

describe('a backup that was restored', () => {
  it('is not served until an operator accepts it, and then nothing issued before is alive', async () => {
    await lost()
    await restore(knex())
    await expect(serve()).rejects.toThrow(/lacks \d+ rows .* toolgate restore check/)
    expect(await command('restore', 'check')).toMatchObject({
      code: 1,
      out: expect.stringContaining('are missing'),
    })
    const accepted = await command('restore', 'accept', '--reason', 'disk failure')
    expect(accepted).toMatchObject({
      code: 0,
      out: expect.stringContaining('Everything issued before is ended'),
    })
    const server = await serve()
    const { taken, kept, operator } = made
    for (const token of [taken.access_token, taken.pat.token, kept.access_token, kept.pat.token])
      expect(await server.active(token)).toBe(false)
    const refreshed = await postTo(server.port, toolgate.issuer, '/token', {
      grant_type: 'refresh_token',
      client_id: taken.client_id,
      refresh_token: taken.refresh_token,
    })
    expect(refreshed.status).toBe(400)
    expect(await knex()('operator_tokens').where({ id: operator.id })).toEqual([])
    await server.close()
    const verified = await command('audit', 'verify', '--checkpoint', sink)
    expect(verified).toMatchObject({
      code: 0,
      out: expect.stringMatching(/is whole[\s\S]*Explained gap: rows \d+ to \d+/),
    })
  }, 120_000)

  it('lets live what the lost rows did not take away, when they are replayed from an export', async () => {
    await lost()
    const file = join(directory, 'export.jsonl')
    let text = ''
    for await (const part of exportEvents(knex(), 'jsonl', {})) text += part.text
    writeFileSync(file, text)
    const short = join(directory, 'short.jsonl')
    writeFileSync(short, text.split('\n').slice(0, -3).join('\n'))
    await restore(knex())
    expect(await command('restore', 'accept', '--replay', short)).toMatchObject({
      code: 1,
      err: expect.stringContaining('it lacks rows'),
    })
    const accepted = await command('restore', 'accept', '--replay', file, '--json')
    expect(accepted.code).toBe(0)
    expect(JSON.parse(accepted.out)).toMatchObject({ ended_operator_tokens: 1 })
    const server = await serve()
    const { taken, kept, disabled, blocked } = made
    expect(await server.active(kept.access_token)).toBe(true)
    expect(await server.active(kept.pat.token)).toBe(true)
    for (const token of [taken.access_token, taken.pat.token, disabled.access_token, blocked.access_token])
      expect(await server.active(token)).toBe(false)
    expect(await knex()('blocked_clients').pluck('client_id')).toEqual([blocked.client_id])
    expect(await knex()('page_sessions')).toEqual([])
    await server.close()
  }, 120_000)
})

describe('a table that lacks nothing', () => {
  it('is served, and there is nothing to accept', async () => {
    await lost()
    const server = await serve()
    expect(await server.active(made.kept.access_token)).toBe(true)
    await server.close()
    expect(await command('restore', 'check')).toMatchObject({ code: 0 })
    expect(await command('restore', 'accept')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nothing to accept'),
    })
  }, 120_000)

  it('is served without anything outside to compare with, and the server says that it cannot tell', async () => {
    made = await credentials()
    env.TOOLGATE_AUDIT_CHECKPOINT_SINKS = 'stdout'
    const server = await serve()
    expect(server.lines.join('')).toContain('it cannot tell whether a backup was restored')
    await server.close()
    expect(await command('restore', 'check')).toMatchObject({ code: 2 })
  }, 120_000)

  it('is not refused for a checkpoint that somebody else signed', async () => {
    made = await credentials()
    const stranger = await parseCheckpointKey(await generateCheckpointKey())
    const heads = [{ writer_id: randomUUID(), seq: 9, hash: randomBytes(32) }]
    const said = { issuer: toolgate.issuer, created_at: new Date(), heads }
    await appendCheckpoint(sink, await signCheckpoint(stranger, said))
    writeFileSync(sink, 'torn', { flag: 'a' })
    const server = await serve()
    await server.close()
  }, 120_000)
})
