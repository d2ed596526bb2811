import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isNothing,
  NOTHING,
  TAKING_TYPES,
  type TakenAway,
  takenAway,
  together,
} from '../../../src/api/revocation-feed/taken-away.ts'
import { AUDIT_TYPES } from '../../../src/audit/events/audit-event.ts'
import type { AuditRow } from '../../../src/audit-chain/hash-chain.ts'

const RESOURCE = 'http://localhost:4001/mcp'
const named = (id: string) => hash('sha256', id, 'base64url')

const event = (type: string, fields: Partial<AuditRow> = {}) =>
  ({
    type,
    resource: null,
    account_id: 'usr_ada',
    client_id: 'cl_one',
    grant_id: 'g',
    detail: null,
    ...fields,
  }) as AuditRow

describe('what an event takes away', () => {
  it('is about the account, the client or everything, and of most types nothing', () => {
    const told = AUDIT_TYPES.map((type) => [type, takenAway(event(type), RESOURCE)] as const)
    expect(Object.fromEntries(told.filter(([, taken]) => !isNothing(taken)))).toEqual({
      'account.changed': { accounts: [named('usr_ada')], clients: [] },
      'audit.restored': 'all',
      'catalogue.applied': 'all',
      'client.blocked': { accounts: [], clients: [named('cl_one')] },
      'client.changed': { accounts: [], clients: [named('cl_one')] },
      'grant.narrowed': { accounts: [named('usr_ada')], clients: [] },
      'grant.revoked': { accounts: [named('usr_ada')], clients: [] },
      'personal_token.revoked': { accounts: [named('usr_ada')], clients: [] },
      'personal_token.rotated': { accounts: [named('usr_ada')], clients: [] },
      'refresh_token.reused': { accounts: [named('usr_ada')], clients: [] },
      'resource_server.changed': 'all',
      'token.revoked': { accounts: [named('usr_ada')], clients: [] },
    })
  })

  it('of another resource is nothing', () => {
    for (const type of AUDIT_TYPES)
      expect(takenAway(event(type, { resource: 'http://localhost:4002/mcp' }), RESOURCE)).toEqual(NOTHING)
  })

  it('is everything where the event does not say from whom', () => {
    for (const type of TAKING_TYPES)
      expect(takenAway(event(type, { account_id: null, client_id: null }), RESOURCE)).toBe('all')
  })

  it('is nothing where somebody asked to revoke what is no token of his', () => {
    const detail = { found: false }
    const asked = event('token.revoked', { account_id: null, grant_id: null, detail })
    expect(takenAway(asked, RESOURCE)).toEqual(NOTHING)
    expect(takenAway({ ...asked, grant_id: 'g' }, RESOURCE)).toBe('all')
  })
})

describe('the sum of what was taken away', () => {
  const ids = fc.array(fc.string({ maxLength: 3 }), { maxLength: 8 })
  const taken: fc.Arbitrary<TakenAway> = fc.oneof(
    { weight: 9, arbitrary: fc.record({ accounts: ids, clients: ids }) },
    { weight: 1, arbitrary: fc.constant('all' as const) },
  )
  const covers = (sum: TakenAway, part: TakenAway): boolean =>
    sum === 'all' ||
    (part !== 'all' &&
      part.accounts.every((id) => sum.accounts.includes(id)) &&
      part.clients.every((id) => sum.clients.includes(id)))

  it('covers every part', () => {
    fc.assert(
      fc.property(fc.array(taken), (parts) => {
        const sum = parts.reduce(together, NOTHING)
        expect(parts.every((part) => covers(sum, part))).toBe(true)
      }),
    )
  })

  it('is everything when there are too many to name', () => {
    const many = { accounts: Array.from({ length: 1_001 }, (_, index) => String(index)), clients: [] }
    expect(together(many, NOTHING)).toBe('all')
  })
})
