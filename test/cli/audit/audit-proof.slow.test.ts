import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { decided } from '../../audit/rows.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

/** The real program. What reads the database is told where it is; what checks a proof is not. */
const run = promisify(execFile)
let test: TestDatabase
let directory: string
let event_id: string
const at = (name: string) => join(directory, name)

beforeAll(async () => {
  test = await createTestDatabase()
  directory = mkdtempSync(join(tmpdir(), 'toolgate-proof-'))
  const log = new AuditLog(test.database.hot)
  await log.append([1, 2, 3].map(decided))
  await log.close()
  event_id = (await test.database.knex('audit_events').where({ tool: 'tool_2' }).first('id')).id
})
afterAll(async () => {
  await test?.drop()
  rmSync(directory, { recursive: true, force: true })
})

async function toolgate(words: string[], env: Record<string, string>) {
  const main = join(process.cwd(), 'src/cli/main.ts')
  return run(process.execPath, [main, ...words], { env, cwd: directory }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error) => ({ code: error.code as number, out: error.stdout as string, err: error.stderr as string }),
  )
}
const inside = (...words: string[]) =>
  toolgate(['audit', ...words], { TOOLGATE_DATABASE_URL: test.url, TOOLGATE_DATA_DIR: at('data') })
const outside = (...words: string[]) =>
  toolgate(['audit', ...words], {
    TOOLGATE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    TOOLGATE_DATA_DIR: '/dev/null/none',
  })

describe('toolgate audit', () => {
  it('key prints what an outsider pins, the same each time', async () => {
    const { out } = await inside('key')
    expect(out).toMatch(
      /^thumbprint: [\w-]{43}\npublic key: \{"kty":"EC","crv":"P-256","x":"[^"]+","y":"[^"]+"\}\n$/,
    )
    expect((await inside('key')).out).toBe(out)
    writeFileSync(at('key.json'), (await inside('key', '--json')).out)
    expect(readFileSync(at('key.json'), 'utf8')).not.toContain('"d"')
  })

  it('key create prints a key that TOOLGATE_AUDIT_KEY takes', async () => {
    const { out } = await inside('key', 'create')
    const { out: shown } = await toolgate(['audit', 'key'], { TOOLGATE_AUDIT_KEY: out })
    expect(shown).toContain(JSON.parse(out).x)
    const { code, err } = await toolgate(['audit', 'key'], {
      TOOLGATE_AUDIT_KEY: '{"kty":"oct","k":"hunter2"}',
    })
    expect([code, err]).toEqual([1, expect.stringContaining('TOOLGATE_AUDIT_KEY is not what')])
    expect(err).not.toContain('hunter2')
  })

  it('checkpoint prints one line, or appends it to a file', async () => {
    const { out } = await inside('checkpoint')
    const first = await readCheckpoint(out.trimEnd())
    expect(first.heads).toMatchObject([{ seq: 5 }])
    expect((await inside('checkpoint', '--output', at('lines'))).out).toContain(first.thumbprint)
    const { out: json } = await inside('checkpoint', '--output', at('lines'), '--json')
    expect(readFileSync(at('lines'), 'utf8').split('\n')).toMatchObject([{}, JSON.parse(json).jws, ''])
  })

  it('prove writes a proof that verify checks where there is no database', async () => {
    expect((await inside('prove', event_id, '--output', at('proof.json'))).code).toBe(0)
    const { code, out } = await outside('verify', '--proof', at('proof.json'))
    expect(code).toBe(0)
    expect(out).toMatch(
      /The proof is good[\s\S]*tool\.decided allowed .*tool=tool_2[\s\S]*Whether that is the key/,
    )
    const pinned = await outside('verify', '--proof', at('proof.json'), '--key', at('key.json'))
    expect(pinned.out).toContain('That is the key that you named')
    const { thumbprint } = JSON.parse(readFileSync(at('key.json'), 'utf8'))
    const json = await outside('verify', '--proof', at('proof.json'), '--key', thumbprint, '--json')
    expect(JSON.parse(json.out)).toMatchObject({ event: { id: event_id }, thumbprint, key_given: true })
  })

  it('verify says what is wrong with a proof, and with a key, and ends with 1', async () => {
    const text = readFileSync(at('proof.json'), 'utf8')
    writeFileSync(at('forged.json'), text.replace('"allowed"', '"denied"'))
    const forged = await outside('verify', '--proof', at('forged.json'))
    expect(forged).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^toolgate: The proof is not good: the event/),
    })
    const wrong_key = await outside('verify', '--proof', at('proof.json'), '--key', 'A'.repeat(43))
    expect(wrong_key).toMatchObject({ code: 1, err: expect.stringContaining('not with AAA') })
    const no_key = await outside('verify', '--proof', at('proof.json'), '--key', at('proof.json'))
    expect(no_key).toMatchObject({ code: 1, err: expect.stringContaining('neither a thumbprint nor') })
    expect(await outside('verify', '--proof', at('none'))).toMatchObject({ code: 1 })
  })

  it('prove says that there is no such event', async () => {
    expect(await inside('prove', crypto.randomUUID())).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no audit event with the id'),
    })
  })
})
