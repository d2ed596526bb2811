import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Knex } from 'knex'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pageOfAccounts } from '../../../src/accounts/account-management.ts'
import { findOperatorToken } from '../../../src/accounts/operator-token-store.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { currentCatalogue } from '../../../src/catalogue/catalogue-store.ts'
import { applyConfiguredCatalogue, createFirstAccount } from '../../../src/cli/serve/first-start.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { signIn } from '../../../src/sign-in/sign-in.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let test: TestDatabase
let dependencies: { db: Knex; audit: AuditLog }
let directory: string

beforeEach(async () => {
  test = await createTestDatabase()
  dependencies = { db: test.database.knex, audit: new AuditLog(test.database.hot) }
  directory = mkdtempSync(join(tmpdir(), 'toolgate-first-'))
})
afterEach(async () => {
  rmSync(directory, { recursive: true })
  await dependencies.audit.close()
  await test.drop()
})

const production = (catalogue?: string) =>
  loadConfig({
    TOOLGATE_ENV: 'production',
    TOOLGATE_ISSUER: 'https://auth.example',
    TOOLGATE_TRUSTED_PROXY_HOPS: '1',
    TOOLGATE_DATABASE_URL: 'postgres://db/x',
    TOOLGATE_KEYS: '{}',
    TOOLGATE_AUDIT_KEY: '{}',
    ...(catalogue === undefined ? {} : { TOOLGATE_CATALOGUE: catalogue }),
  })

const CATALOGUE = `
resources:
  - resource: https://r.example/mcp
    name: R
    default_scopes: [a]
    scopes: { a: { description: A, tools: [t] } }
roles: { one: { https://r.example/mcp: [a] } }
`

describe('the catalogue of a start', () => {
  it('is the one that comes with Toolgate in development, put in force once', async () => {
    const config = loadConfig({ TOOLGATE_CATALOGUE: join(directory, 'absent.yaml') })
    expect((await applyConfiguredCatalogue(config, dependencies)).changes).not.toEqual([])
    expect((await applyConfiguredCatalogue(config, dependencies)).changes).toEqual([])
    expect(await currentCatalogue(dependencies.db)).toMatchObject({ version: 1 })
    expect((await pageEvents(dependencies.db, { type: 'catalogue.applied' }, 10)).events).toHaveLength(1)
  })

  it('is none in production, unless one is configured; then its file must be there', async () => {
    expect(await applyConfiguredCatalogue(production(), dependencies)).toEqual({ changes: [] })
    const absent = join(directory, 'absent.yaml')
    await expect(applyConfiguredCatalogue(production(absent), dependencies)).rejects.toThrow(
      `${absent} cannot be read`,
    )
    expect(await currentCatalogue(dependencies.db)).toBeUndefined()
  })

  it('that has faults stops the start with all of them', async () => {
    const file = join(directory, 'bad.yaml')
    writeFileSync(file, 'resources: []\nrolls: {}\n')
    await expect(applyConfiguredCatalogue(production(file), dependencies)).rejects.toThrow(
      /resources: .*\n.*roles: .*\n.*rolls: /,
    )
  })

  it('a changed file is put in force, and what changed is said', async () => {
    const file = join(directory, 'catalogue.yaml')
    writeFileSync(file, CATALOGUE)
    await applyConfiguredCatalogue(production(file), dependencies)
    writeFileSync(file, CATALOGUE.replace('tools: [t]', 'tools: [t, u]'))
    const { changes } = await applyConfiguredCatalogue(production(file), dependencies)
    expect(changes.join('\n')).toContain('u')
    expect(await currentCatalogue(dependencies.db)).toMatchObject({ version: 2 })
  })
})

describe('a catalogue file that would take what is in use', () => {
  it('waits for somebody to accept it: the version in force stays, and the start says so', async () => {
    const config = loadConfig({})
    await applyConfiguredCatalogue(config, dependencies)
    await createFirstAccount(config, dependencies)
    const { version } = (await currentCatalogue(dependencies.db))!
    const file = join(directory, 'narrower.yaml')
    writeFileSync(file, CATALOGUE)
    const { changes, held_back } = await applyConfiguredCatalogue(production(file), dependencies)
    expect(changes).toEqual([])
    expect(held_back).toContain(`${file} is not in force`)
    expect(held_back).toContain('role:editor')
    expect(await currentCatalogue(dependencies.db)).toMatchObject({ version })
  })
})

describe('the first account', () => {
  it('has every role, and its password and operator token open', async () => {
    const config = loadConfig({})
    await applyConfiguredCatalogue(config, dependencies)
    const first = (await createFirstAccount(config, dependencies))!
    const request = {
      username: first.username,
      password: first.password,
      ip: undefined,
      request_id: 'request-1',
    }
    expect((await signIn({ ...dependencies, form_key: 'of this test' }, request)).roles.sort()).toEqual([
      'auditor',
      'editor',
      'operator',
      'reader',
    ])
    expect(await findOperatorToken(dependencies.db, sha256(first.operator_token))).toMatchObject({
      name: 'first start',
      scope: 'operator:read operator:revoke operator:admin',
    })
  })

  it('is made once, and never in production', async () => {
    const config = loadConfig({})
    expect(await createFirstAccount(production(), dependencies)).toBeUndefined()
    expect(await createFirstAccount(config, dependencies)).toMatchObject({ username: 'admin' })
    expect(await createFirstAccount(config, dependencies)).toBeUndefined()
    expect((await pageOfAccounts(dependencies, {})).accounts).toHaveLength(1)
  })
})
