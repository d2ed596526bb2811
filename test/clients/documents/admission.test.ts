import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { Admission, type AdmissionPolicy, admits } from '../../../src/clients/documents/admission.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let test: TestDatabase
let audit: AuditLog
beforeAll(async () => {
  test = await createTestDatabase()
  audit = new AuditLog(test.database.hot)
})
afterAll(async () => {
  await audit.close()
  await test.drop()
})

const policy = (change: Partial<AdmissionPolicy>): AdmissionPolicy => ({
  mode: 'allow-list',
  hosts: ['app.example', '*.apps.example'],
  dry_run: false,
  ...change,
})

const recorded = (client_id: string): Promise<{ detail: object; request_id: string | null }[]> =>
  test.database
    .knex('audit_events')
    .where({ type: 'client.admission_refused', actor_kind: 'unauthenticated', client_id: null })
    .whereRaw("detail->>'presented_client_id' = ?", [client_id])

describe('the policy', () => {
  it('open admits every host, closed none', () => {
    expect(admits(policy({ mode: 'open' }), 'any.example')).toBe(true)
    expect(admits(policy({ mode: 'closed' }), 'app.example')).toBe(false)
  })

  it.each([
    ['app.example', true],
    ['a.apps.example', true],
    ['a.b.apps.example', true],
    ['apps.example', false],
    ['badapps.example', false],
    ['app.example.evil.example', false],
    ['x.app.example', false],
    ['app.example.', false],
    ['', false],
  ])('allow-list: %s is admitted: %s', (host, admitted) => {
    expect(admits(policy({}), host)).toBe(admitted)
  })
})

describe('a host that is not admitted', () => {
  const refused = (host: string) => new URL(`https://${host}/client.json`)

  it('is refused and recorded once a minute, with the request that asked first', async () => {
    const admission = new Admission(policy({}), audit)
    const url = refused('refused.example')
    for (const [request_id, now_ms] of [
      ['first-request', 100_000],
      ['second-request', 159_999],
      ['third-request', 160_000],
    ] as const)
      expect(await admission.admit(url, request_id, now_ms)).toBe(false)
    const rows = await recorded(url.href)
    expect(rows).toMatchObject([{ request_id: 'first-request' }, { request_id: 'third-request' }])
    expect(rows[0]!.detail).toEqual({
      presented_client_id: url.href,
      host: 'refused.example',
      mode: 'allow-list',
      dry_run: false,
    })
  })

  it('gets in on a dry run, which is recorded too', async () => {
    const admission = new Admission(policy({ mode: 'closed', dry_run: true }), audit)
    expect(await admission.admit(refused('dry.example'))).toBe(true)
    expect(await recorded(refused('dry.example').href)).toMatchObject([
      { detail: { mode: 'closed', dry_run: true } },
    ])
  })

  it('cannot flood the record: a minute holds 100 hosts', async () => {
    const admission = new Admission(policy({ mode: 'closed' }), audit)
    const count = async () => Number((await test.database.knex('audit_events').count('* as n').first())!.n)
    const before = await count()
    for (let index = 0; index < 150; index++)
      await admission.admit(refused(`${index}.flood.example`), undefined, 100_000)
    expect((await count()) - before).toBe(100)
  })

  it('that is admitted leaves no record', async () => {
    const admission = new Admission(policy({}), audit)
    expect(await admission.admit(refused('app.example'))).toBe(true)
    expect(await recorded(refused('app.example').href)).toEqual([])
  })
})
