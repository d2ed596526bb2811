import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OperatorScope } from '../../src/accounts/operator-scopes.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { TEST } from '../support/origins.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let tokens: Record<'reader' | 'admin', string>

beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_CATALOGUE: 'catalogue.yaml' } })
  const tokenFor = async (scope: OperatorScope) =>
    (await createOperatorToken(toolgate.dependencies, { name: scope, days: 1, scopes: [scope] }, TEST)).token
  tokens = { reader: await tokenFor('operator:read'), admin: await tokenFor('operator:admin') }
})
afterAll(() => toolgate.close())

/** Whatever of it there is. */
type Answer = {
  version: number
  digest: string
  name: string
  detail: string
  catalogue: string
  next?: string
  changes: string[]
  faults: string[]
  resources: { built_in?: true }[]
  roles: { name: string }[]
  versions: { version: number }[]
  hours: unknown[]
}

async function ask(method: string, path: string, body?: object, as: keyof typeof tokens = 'admin') {
  const response = await toolgate.fetch(`/operator/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tokens[as]}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer }
}

const file = async () => (await ask('GET', '/catalogue/file')).body.catalogue as string

describe('the catalogue over the API', () => {
  it('is shown with the built-in resource and the file that a start would apply', async () => {
    const { body } = await ask('GET', '/catalogue', undefined, 'reader')
    expect(body).toMatchObject({ version: 1, applied_by: 'test', catalogue_file: 'catalogue.yaml' })
    expect(body.resources.map(({ built_in = false }) => built_in)).toEqual([false, true])
    expect(body.roles.map(({ name }) => name)).toEqual(['reader', 'editor', 'operator', 'auditor'])
  })

  it('is compared by readers and applied by admins only', async () => {
    const catalogue = (await file()).replace('name: Notes', 'name: Renamed')
    const compared = await ask('POST', '/catalogue/diff', { catalogue }, 'reader')
    expect(compared.body).toMatchObject({ faults: [], version: 1, effects: [] })
    expect(compared.body.changes).toEqual([`~ resource ${RESOURCE} is named Renamed, was Notes`])
    expect((await ask('PUT', '/catalogue', { catalogue }, 'reader')).status).toBe(403)
    const stale = await ask('PUT', '/catalogue', { catalogue, expected_version: 7 })
    expect(stale.status).toBe(409)
    const { digest, version } = compared.body
    const applied = await ask('PUT', '/catalogue', {
      catalogue,
      digest,
      expected_version: version,
      reason: 'new',
    })
    expect(applied.body).toEqual({ version: 2, changes: compared.body.changes })
    expect((await ask('GET', '/catalogue')).body).toMatchObject({ version: 2, digest })
  })

  it('with faults is a 400 that names every one, and is compared to the same faults', async () => {
    const catalogue = 'resources: []\nrolls: {}\n'
    const applied = await ask('PUT', '/catalogue', { catalogue })
    expect(applied.status).toBe(400)
    const { faults } = (await ask('POST', '/catalogue/diff', { catalogue })).body
    expect(faults).toHaveLength(3)
    for (const fault of faults) expect(applied.body.detail).toContain(fault)
  })

  it('may be as large as a file may be, and no larger; other bodies stay small', async () => {
    const large = `${await file()}\n${'# "comment"\n'.repeat(9_000)}`
    expect((await ask('POST', '/catalogue/diff', { catalogue: large })).status).toBe(200)
    expect((await ask('POST', '/catalogue/diff', { catalogue: 'x'.repeat(256 * 1024 + 1) })).status).toBe(400)
    expect((await ask('POST', '/catalogue/diff', { catalogue: 'x'.repeat(4 * 1024 * 1024) })).status).toBe(
      413,
    )
    expect((await ask('POST', '/grants/revoke', { account: 'x'.repeat(20_000) })).status).toBe(413)
  })

  it('has a history, page by page, and gives earlier versions back', async () => {
    const first = (await ask('GET', '/catalogue/versions?limit=1')).body
    expect(first.versions.map(({ version }) => version)).toEqual([2])
    const second = (await ask('GET', `/catalogue/versions?limit=1&after=${first.next}`)).body
    expect(second.versions).toMatchObject([{ version: 1, applied_by: 'test' }])
    expect(second.next).toBeUndefined()
    expect((await ask('GET', '/catalogue/file?version=1')).body.catalogue).toContain('name: Notes')
    expect((await ask('GET', '/catalogue/file?version=99')).status).toBe(404)
  })

  it.each([
    '/catalogue/versions?after=x',
    '/catalogue/versions?after=LTE',
    '/catalogue/file?version=0',
    '/catalogue/file?version=1e300',
    '/catalogue/resources?after=W10',
    '/catalogue/resources?after=%00',
    `/catalogue/holders?resource=${RESOURCE}&scope=notes:read&after=IiI`,
    `/catalogue/holders?resource=${RESOURCE}`,
    '/audit/events/not-an-id/explanation',
    '/overview?x=1',
  ])('%s is a 400', async (path) => {
    expect((await ask('GET', path)).status).toBe(400)
  })

  it('resources and holders answer', async () => {
    const query = new URLSearchParams({ resource: RESOURCE, scope: 'notes:read' })
    expect((await ask('GET', '/catalogue/resources')).body.resources).toHaveLength(2)
    expect((await ask('GET', `/catalogue/resource?resource=${RESOURCE}`)).body.name).toBe('Renamed')
    expect((await ask('GET', `/catalogue/holders?${query}`)).body).toMatchObject({
      roles: ['reader', 'editor'],
    })
    expect((await ask('GET', '/overview')).body.hours).toHaveLength(24)
  })
})
