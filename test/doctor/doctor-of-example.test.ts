import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Diagnosis, diagnose } from '../../src/doctor/doctor.ts'
import { reportJson } from '../../src/doctor/report/doctor-report.ts'
import { startWithNotes, type WithNotes } from '../support/with-notes.ts'

/** The doctor at a Toolgate with the example server behind its guard. */
let system: WithNotes

beforeAll(async () => {
  system = await startWithNotes()
})
afterAll(() => system.close())

function unwell({ verdicts }: Diagnosis): unknown[] {
  return verdicts
    .filter(({ failed }) => failed)
    .map(({ profile, failed }) => ({ client: profile.name, findings: failed?.findings }))
}

async function registeredClients(): Promise<number> {
  const rows = await system.toolgate.db.database.knex('clients').count()
  return Number(rows[0]?.count)
}

describe('the example server behind Toolgate', () => {
  it('is found well for every client, and nothing is registered', async () => {
    const diagnosis = await diagnose(system.resource)
    expect(unwell(diagnosis)).toEqual([])
    expect(diagnosis.findings.map(({ id }) => id)).toEqual(['not_public'])
    expect(await registeredClients()).toBe(0)
  })

  it('says what each client will ask for', async () => {
    const { clients } = reportJson(await diagnose(system.resource)) as { clients: Record<string, unknown>[] }
    expect(clients.find(({ client }) => client === 'vscode')?.asks).toEqual({
      scope: 'notes:read',
      resource: system.resource,
      redirect_uri: 'http://127.0.0.1:33418/',
    })
  })

  it('registers those that register themselves and shows each its sign-in page, when told to', async () => {
    const names = new Set(['cursor', 'gemini-cli', 'inspector', 'python-sdk', 'typescript-sdk'])
    const { CLIENT_PROFILES } = await import('../../src/doctor/clients/index.ts')
    const clients = CLIENT_PROFILES.filter(({ name }) => names.has(name))
    const diagnosis = await diagnose(system.resource, { clients, active: true })
    expect(unwell(diagnosis)).toEqual([])
    // Toolgate lets no client delete itself; it forgets those that were never used.
    expect(diagnosis.left_behind.map(({ client }) => client).toSorted()).toEqual([...names].toSorted())
    expect(await registeredClients()).toBe(names.size)
  })
})
