import { randomBytes } from 'node:crypto'
import { createAccount } from '../../src/accounts/accounts.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { addResourceServer } from '../../src/clients/resource-servers/resource-servers.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { RESOURCE } from './workload.ts'

/** What an operator of a new installation does, by the functions that the command line calls. */
type Dependencies = { db: ReturnType<typeof openDatabase>['knex']; audit: AuditLog }

const BENCH = { actor: { kind: 'cli', id: 'bench' } } as const

export async function withInstallation<T>(
  url: string,
  work: (dependencies: Dependencies) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ url, application_name: 'toolgate-bench', statement_timeout_ms: 0 })
  const audit = new AuditLog(database.hot)
  try {
    return await work({ db: database.knex, audit })
  } finally {
    await audit.close()
    await database.close()
  }
}

export type Person = { account_id: string; username: string; password: string }

export async function addPerson(dependencies: Dependencies): Promise<Person> {
  const sign = {
    username: `bench-${randomBytes(4).toString('hex')}`,
    password: randomBytes(16).toString('hex'),
  }
  const { id } = await createAccount(dependencies, { ...sign, roles: ['editor'] }, BENCH)
  return { account_id: id, ...sign }
}

export function addServerOfNotes(dependencies: Dependencies) {
  return addResourceServer(dependencies, { resource: RESOURCE }, BENCH)
}

export async function addOperatorToken(dependencies: Dependencies): Promise<string> {
  const { token } = await createOperatorToken(dependencies, { name: 'bench', days: 1 }, BENCH)
  return token
}
