import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { verifyPassword } from '../../src/accounts/password.ts'
import { parseKeys } from '../../src/authorization-server/keys.ts'
import { createTestDatabase } from '../support/database.ts'

/** The real program, in a process of its own, with nothing in its environment but what is given. */
async function toolgate(words: string[], env: Record<string, string> = {}, typed = '') {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...words], { env })
  child.stdin.end(typed)
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

describe('the program', () => {
  it('keys create prints keys that Toolgate takes', async () => {
    const { code, out } = await toolgate(['keys', 'create'])
    expect(code).toBe(0)
    expect(parseKeys(out).cookies).toHaveLength(1)
  })

  it('a wrong configuration is told in sentences, all at once, and without a stack', async () => {
    const { code, err } = await toolgate(['serve'], { TOOLGATE_PORT: 'x', TOOLGATE_PROT: '1' })
    expect(code).toBe(1)
    expect(err).toMatch(
      /^toolgate: The configuration has 2 fault\(s\):\n {2}- TOOLGATE_PROT .*\n {2}- TOOLGATE_PORT /,
    )
    expect(err).not.toContain('    at ')
  })

  it('keys that are none are told in a sentence too', async () => {
    const { code, err } = await toolgate(['serve'], {
      TOOLGATE_KEYS: 'hunter2',
      TOOLGATE_DATABASE_URL: 'postgres://127.0.0.1:1/x',
    })
    expect([code, err]).toEqual([1, expect.stringContaining('TOOLGATE_KEYS is not JSON')])
    expect(err).not.toMatch(/ {4}at |hunter2/)
  })

  it('an unknown command says where help is and ends with 1', async () => {
    const { code, err } = await toolgate(['frobnicate'])
    expect(code).toBe(1)
    expect(err).toMatch(/^error: unknown command 'frobnicate'\n.*--help.*\n$/)
  })

  it('a database that does not answer is told in a sentence that names the variable', async () => {
    const env = { TOOLGATE_DATABASE_URL: 'postgres://127.0.0.1:1/x' }
    expect(await toolgate(['grants', 'list'], env)).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^toolgate: The database of TOOLGATE_DATABASE_URL cannot be reached: .*\n$/),
    })
  })

  it('a password and a token are read from standard input, and never shown', async () => {
    const test = await createTestDatabase()
    const env = { TOOLGATE_DATABASE_URL: test.url }
    const password = 'correct horse battery'
    try {
      for (const words of [
        ['accounts', 'create', 'kim', '--password-stdin'],
        ['accounts', 'set-password', 'kim', '--password-stdin'],
      ]) {
        const { code, out } = await toolgate(words, env, `${password}\n`)
        expect([code, out.includes('assword: ')]).toEqual([0, false])
        const { password_hash } = await test.database.knex('accounts').first('password_hash')
        expect(await verifyPassword(password, password_hash)).toBe(true)
      }
      const { code, err } = await toolgate(['audit', 'story', '-'], env, `tgp_${'x'.repeat(49)}\n`)
      expect([code, err]).toEqual([1, expect.stringContaining('Nothing is recorded of this')])
      expect(err).not.toContain('xxx')
    } finally {
      await test.drop()
    }
  })

  it('migrate brings an empty database up; before that, commands say what to do', async () => {
    const empty = await createTestDatabase({ from: 'nothing' })
    const env = { TOOLGATE_DATABASE_URL: empty.url }
    try {
      const before = await toolgate(['accounts', 'list'], env)
      expect([before.code, before.err]).toEqual([
        1,
        expect.stringMatching(/^toolgate: .*run `toolgate migrate` first\.\n$/),
      ])
      expect(await toolgate(['migrate'], env)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^Applied: 001_accounts.*\n\d+ applied, 0 pending\.\n$/),
      })
      expect(await toolgate(['accounts', 'list'], env)).toMatchObject({ code: 0, out: 'None.\n' })
    } finally {
      await empty.drop()
    }
  })
})
