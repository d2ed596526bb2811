import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabaseWithRoles, type DatabaseWithRoles } from '../support/database-roles.ts'
import { ServerProcess } from '../support/server-process.ts'

/** `toolgate` as docker-compose.yml runs it: prepared by the owner, served by another role. */
let roles: DatabaseWithRoles
beforeAll(async () => {
  roles = await createDatabaseWithRoles()
})
afterAll(() => roles?.drop())

const run = promisify(execFile)
const toolgate = (url: string, ...words: string[]) =>
  run(process.execPath, ['src/cli/main.ts', ...words], {
    env: { PATH: process.env.PATH, TOOLGATE_DATABASE_URL: url },
  })

describe('toolgate with the role of the server', () => {
  it('serves, makes the first account of development, applies its catalogue, and starts again', async () => {
    for (const _ of ['first', 'again']) {
      const server = await ServerProcess.start({ database_url: roles.server_url })
      expect(server.output).toContain('may add to the audit log and not change it')
      await server.end('SIGTERM')
    }
    const { stdout: accounts } = await toolgate(roles.server_url, 'accounts', 'list', '--json')
    expect(JSON.parse(accounts)).toMatchObject({ accounts: [{ username: 'admin' }] })
    const { stdout } = await toolgate(roles.server_url, 'audit', 'verify')
    expect(stdout).toContain('The audit log is whole')
  })

  it('makes accounts and operator tokens', async () => {
    const { stdout } = await toolgate(roles.server_url, 'accounts', 'create', 'kim', '--role', 'editor')
    expect(stdout).toContain('Created kim')
    expect((await toolgate(roles.server_url, 'operator-tokens', 'create', 'mine')).stdout).toContain('tgo_')
  })

  it('refuses what only the owner may do, in words', async () => {
    await roles.db.database.knex('knex_migrations').where('name', 'like', '013%').delete()
    await expect(toolgate(roles.server_url, 'migrate')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('this needs the role that owns the tables'),
    })
  })
})
