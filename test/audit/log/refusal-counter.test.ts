import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../../src/audit/events/audit-event.ts'
import { RefusalCounter } from '../../../src/audit/log/refusal-counter.ts'
import { UNAUTHENTICATED } from '../../../src/audit-chain/actor.ts'

const refused = (ip: string | undefined, type: 'login.failed' | 'operator.refused' = 'login.failed') =>
  (type === 'login.failed'
    ? { type, actor: UNAUTHENTICATED, ip, detail: { reason: 'refused' } }
    : { type, actor: UNAUTHENTICATED, ip, detail: { method: 'GET', route: '/x' } }) satisfies AuditEvent

function counter(limits: { of_network?: number; of_all?: number; networks?: number } = {}) {
  const written: AuditEvent[] = []
  let fails = false
  const append = async (events: AuditEvent[]) => {
    if (fails) throw new Error('the database is gone')
    written.push(...events)
  }
  const counted = new RefusalCounter(append, {
    of_network: 2,
    of_all: 5,
    networks: 2,
    minute_ms: 60_000,
    ...limits,
  })
  const details = () =>
    written.splice(0).map(({ ip, detail }) => ({ ip, ...(detail as Record<string, unknown>) }))
  const fail = (now: boolean) => {
    fails = now
  }
  return { counted, details, fail }
}

describe('what callers do who did not authenticate', () => {
  it('is recorded one by one for the first few of a network, and then counted in one row', async () => {
    const { counted, details } = counter()
    const events = [1, 2, 3, 4].map(() => refused('192.0.2.1'))
    expect(counted.admit([...events, refused('192.0.2.1', 'operator.refused')])).toEqual(events.slice(0, 2))
    expect(counted.admit([refused('192.0.2.2')])).toHaveLength(1)
    await counted.flush()
    expect(details()).toEqual([
      {
        ip: '192.0.2.1',
        network: '192.0.2.1',
        since: expect.any(String),
        count: 3,
        of: ['login.failed 2', 'operator.refused 1'],
      },
    ])
    expect(counted.admit(events)).toHaveLength(2)
  })

  it('counts an IPv6 /64 as one network', () => {
    const { counted } = counter()
    const hosts = Array.from({ length: 9 }, (_, host) => refused(`2001:db8::${host}`))
    expect(counted.admit(hosts)).toHaveLength(2)
  })

  it('of all networks together is a bounded number of rows, whoever they are', async () => {
    const { counted, details } = counter()
    const events = Array.from({ length: 200 }, (_, host) => refused(`192.0.2.${host}`))
    expect(counted.admit(events)).toHaveLength(5)
    await counted.flush()
    expect(details()).toMatchObject([
      { network: '192.0.2.5', count: 1 },
      { network: '192.0.2.6', count: 1 },
      { ip: undefined, network: 'other networks', count: 193 },
    ])
  })

  it('is not what somebody does who is known', () => {
    const { counted } = counter()
    const known = { ...refused('192.0.2.1'), actor: { kind: 'account', id: 'usr_1' } } as const
    expect(counted.admit(Array.from({ length: 50 }, () => known))).toHaveLength(50)
  })

  it('that cannot be written is kept for the next minute', async () => {
    const { counted, details, fail } = counter()
    counted.admit(Array.from({ length: 12 }, () => refused('192.0.2.1')))
    fail(true)
    await expect(counted.flush()).rejects.toThrow('gone')
    fail(false)
    counted.admit(Array.from({ length: 12 }, () => refused('192.0.2.1')))
    await counted.flush()
    expect(details()).toMatchObject([{ count: 20, of: ['login.failed 20'] }])
  })

  it('is either recorded or counted, every one, within the bound', async () => {
    const networks = fc.array(fc.ipV4(), { maxLength: 400 })
    await fc.assert(
      fc.asyncProperty(networks, async (ips) => {
        const { counted, details } = counter({ of_network: 3, of_all: 20, networks: 10 })
        const recorded = counted.admit(ips.map((ip) => refused(ip)))
        await counted.flush()
        const rows = details()
        const sum = rows.reduce((all, row) => all + Number('count' in row && row.count), 0)
        expect(recorded.length + sum).toBe(ips.length)
        expect(recorded.length + rows.length).toBeLessThanOrEqual(31)
      }),
    )
  })
})
