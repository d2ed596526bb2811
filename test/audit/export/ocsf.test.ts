import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AUDIT_TYPES } from '../../../src/audit/events/audit-event.ts'
import { ocsfEvent, ocsfLine } from '../../../src/audit/export/ocsf.ts'
import { chainOf } from '../rows.ts'
import { hostileRow } from './hostile-rows.ts'

/**
 * What OCSF 1.8.0 (18 March 2026, github.com/ocsf/ocsf-schema, tag 1.8.0) requires of the classes that are used, with
 * the activities that each has; 0 and 99 are in all of them.
 */
const BASE = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid']
const CLASSES: Record<
  number,
  { category: number; required: string[]; one_of?: string[]; activities: number[] }
> = {
  0: { category: 0, required: [], activities: [] },
  3001: { category: 3, required: ['user'], activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
  3002: {
    category: 3,
    required: ['user'],
    one_of: ['service', 'dst_endpoint'],
    activities: [1, 2, 3, 4, 5, 6, 7],
  },
  3004: { category: 3, required: ['entity'], activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] },
  3005: { category: 3, required: ['user', 'privileges'], activities: [1, 2] },
  6002: { category: 6, required: ['app'], activities: [1, 2, 3, 4, 5, 6, 7, 8] },
  6003: { category: 6, required: ['actor', 'api', 'src_endpoint'], activities: [1, 2, 3, 4] },
}
/** Objects: what they require, or one of which they must have. */
const OBJECTS: Record<string, { required?: string[]; one_of?: string[] }> = {
  metadata: { required: ['product', 'version'] },
  actor: { one_of: ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid'] },
  api: { required: ['operation'] },
  user: { one_of: ['account', 'name', 'uid'] },
  entity: { one_of: ['name', 'uid', 'device', 'group', 'org', 'policy', 'user'] },
  src_endpoint: {
    one_of: ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid', 'interface_uid', 'domain'],
  },
  service: { one_of: ['name', 'uid'] },
  app: { one_of: ['name', 'uid'] },
  resource: { one_of: ['name', 'uid'] },
}
const SEVERITIES = [0, 1, 2, 3, 4, 5, 6, 99]
const STATUSES = [0, 1, 2, 99]

type Loose = Record<string, unknown>

function expectValid(event: Loose): void {
  const class_uid = Number(event.class_uid)
  const rules = CLASSES[class_uid]
  if (!rules) throw new Error(`class ${class_uid} is not among those that are checked`)
  for (const name of [...BASE, ...rules.required]) expect(event, name).toHaveProperty(name)
  if (rules.one_of) expect(rules.one_of.some((name) => event[name] !== undefined)).toBe(true)
  expect([...rules.activities, 0, 99]).toContain(event.activity_id)
  expect(event.category_uid).toBe(rules.category)
  expect(event.type_uid).toBe(class_uid * 100 + Number(event.activity_id))
  expect(SEVERITIES).toContain(event.severity_id)
  expect(STATUSES).toContain(event.status_id)
  expect(Number.isSafeInteger(event.time)).toBe(true)
  for (const [name, { required = [], one_of }] of Object.entries(OBJECTS)) {
    const object = event[name] as Loose | undefined
    if (!object) continue
    for (const member of required) expect(object, name).toHaveProperty(member)
    if (one_of)
      expect(
        one_of.some((member) => typeof object[member] === 'string' || object[member] instanceof Object),
        name,
      ).toBe(true)
  }
  if (event.privileges) expect((event.privileges as unknown[]).length).toBeGreaterThan(0)
}

const [row] = chainOf(1)
const of = (change: object) => ocsfEvent({ ...row!, ...change })

describe('OCSF', () => {
  it.each(AUDIT_TYPES)('%s has all that its class requires, with and without its columns', (type) => {
    expectValid(of({ type }))
    const bare = {
      account_id: null,
      client_id: null,
      resource: null,
      tool: null,
      decision: null,
      scope: null,
    }
    expectValid(of({ type, ...bare, ip: null, request_id: null, detail: null }))
  })

  it('sign-ins, tool decisions, consents and accounts are of the classes that people search', () => {
    const type_uid = (change: object) => of(change).type_uid
    expect(type_uid({ type: 'login.succeeded' })).toBe(300201)
    expect(type_uid({ type: 'tool.decided' })).toBe(600302)
    expect(type_uid({ type: 'consent.given' })).toBe(300501)
    expect(type_uid({ type: 'grant.revoked' })).toBe(300502)
    expect(type_uid({ type: 'account.created' })).toBe(300101)
    expect(type_uid({ type: 'account.changed', detail: { disabled: true } })).toBe(300105)
    expect(type_uid({ type: 'account.changed', detail: { password: 'changed' } })).toBe(300103)
  })

  it('what came of a call is a success or a failure, and says how long it took', () => {
    const ended = (outcome: string) =>
      of({
        type: 'tool.completed',
        decision: null,
        detail: { method: 'tools/call', outcome, duration_ms: 12 },
      })
    expect(ended('ok')).toMatchObject({
      status: 'Success',
      status_code: 'ok',
      duration: 12,
      type_uid: 600399,
    })
    expect(ended('tool_error')).toMatchObject({ status: 'Failure', message: 'tool.completed: tool_error' })
    expectValid(ended('aborted'))
  })

  it('a denied tool call is a failure of who, through which client, from where, on what', () => {
    expect(of({ decision: 'denied' })).toMatchObject({
      time: row!.occurred_at.getTime(),
      status_id: 2,
      actor: { user: { uid: 'usr_0', type: 'account' }, app_uid: 'https://client.example/metadata.json' },
      src_endpoint: { ip: '192.0.2.1' },
      api: { operation: 'tools/call', service: { name: 'http://localhost:4001/mcp' } },
      resources: [{ name: 'tool_0' }],
      metadata: { version: '1.8.0', uid: row!.id, sequence: 1 },
      unmapped: { grant_id: 'grant_0', hash: row!.hash.toString('hex') },
    })
  })

  it('every event is one line and valid, whatever it holds', () => {
    fc.assert(
      fc.property(hostileRow, (hostile) => {
        const line = ocsfLine(hostile)
        expect(line.indexOf('\n')).toBe(line.length - 1)
        expectValid(JSON.parse(line))
      }),
    )
  })
})
