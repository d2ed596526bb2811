import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount } from '../../src/accounts/accounts.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
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
  it('does not serve where nobody can sign in and it may not make the first account, and says who may', async () => {
    await expect(ServerProcess.start({ database_url: roles.server_url })).rejects.toThrow(
      /this needs the role that owns the tables[\s\S]*permission denied for table accounts/,
    )
  })

  it('serves, applies its catalogue, and starts again', async () => {
    const audit = new AuditLog(roles.db.database.hot)
    const dependencies = { db: roles.db.database.knex, audit }
    const account = { username: 'admin', password: 'correct horse battery', roles: ['editor'], actor: 'test' }
    await createAccount(dependencies, account)
    await audit.close()
    for (const _ of ['first', 'again']) {
      const server = await ServerProcess.start({ database_url: roles.server_url })
      expect(server.output).toContain('may add to the audit log and not change it')
      await server.end('SIGTERM')
    }
    const { stdout } = await toolgate(roles.server_url, 'audit', 'verify')
    expect(stdout).toContain('The audit log is whole')
  })

  it('refuses what only the owner may do, in words', async () => {
    for (const words of [
      ['accounts', 'create', 'kim'],
      ['resource-servers', 'add', 'http://localhost:4001/mcp'],
      ['operator-tokens', 'create', 'mine'],
    ])
      await expect(toolgate(roles.server_url, ...words)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('this needs the role that owns the tables'),
      })
  })
})
