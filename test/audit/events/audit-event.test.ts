import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AUDIT_TYPES, type AuditEvent } from '../../../src/audit/events/audit-event.ts'
import { event } from '../../../src/audit/events/event-definition.ts'
import { API } from '../../../src/audit/export/ocsf-classes.ts'
import { eventSentence } from '../../../src/audit/story/story-text.ts'
import { SERVER } from '../../../src/audit-chain/actor.ts'
import { auditText, normaliseEvent } from '../../../src/audit-chain/event-fields.ts'
import { hostileRow } from '../export/hostile-rows.ts'
import { WRITER } from '../rows.ts'

const hostile = fc.string({ unit: 'binary', maxLength: 2_000 })

const PLACE = { occurred_at: new Date(), writer_id: WRITER, seq: 1, id: WRITER }

describe('auditText', () => {
  it('keeps printable text as it is', () => {
    expect(auditText('search_notes')).toBe('search_notes')
    expect(auditText('Zoë 🗒 メモ')).toBe('Zoë 🗒 メモ')
  })

  it('drops what Postgres refuses, what forges a line and what turns the direction of text', () => {
    expect(auditText('a\u0000b\r\nc\u001b[31m\ud800d\u202ee\u2028f')).toBe('abc[31mdef')
  })

  it('caps without leaving half a character', () => {
    expect(auditText('x'.repeat(300))).toBe('x'.repeat(256))
    expect(auditText(`${'x'.repeat(255)}😀`)).toBe('x'.repeat(255))
  })

  it('is undefined for anything but text', () => {
    for (const value of [undefined, null, 1, {}, ['a']]) expect(auditText(value)).toBeUndefined()
  })

  it('gives well-formed text within the limit for any input, and the same again for its own output', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 300 }), (value, max) => {
        const clean = auditText(value, max)!
        expect(clean.length).toBeLessThanOrEqual(max)
        expect(clean.isWellFormed()).toBe(true)
        expect(clean).not.toMatch(/\p{Cc}/u)
        expect(auditText(clean, max)).toBe(clean)
      }),
    )
  })
})

describe('normaliseEvent', () => {
  it('gives null for what is absent', () => {
    expect(normaliseEvent({ type: 'server.started', actor: SERVER })).toMatchObject({
      type: 'server.started',
      actor_kind: 'server',
      tool: null,
      detail: null,
    })
  })

  it('leaves in the detail only text, booleans, whole numbers, null and lists of them', () => {
    const detail = { a: 1.5, b: Number.NaN, c: { deep: 1 }, d: ['x\u0000', 2], e: true, f: 2 ** 60 } as never
    expect(normaliseEvent({ type: 'catalogue.applied', actor: SERVER, detail }).detail).toEqual({
      a: '1.5',
      b: 'NaN',
      c: null,
      d: ['x', 2],
      e: true,
      f: '1152921504606847000',
    })
  })

  it('says how many items of a long list it dropped', () => {
    const detail = { tools: Array.from({ length: 200 }, (_, index) => `tool_${index}`) }
    const tools = normaliseEvent({ type: 'catalogue.applied', actor: SERVER, detail }).detail
      ?.tools as string[]
    expect(tools).toHaveLength(129)
    expect(tools.at(-1)).toBe('… and 72 more')
  })

  it('keeps a key named __proto__ a key', () => {
    const detail = JSON.parse('{"__proto__":"x"}')
    const clean = normaliseEvent({ type: 'catalogue.applied', actor: SERVER, detail }).detail
    expect(Object.keys(clean!)).toEqual(['__proto__'])
  })
})

describe('an event', () => {
  it('is a noun and what happened to it', () => {
    expect(new Set(AUDIT_TYPES).size).toBe(AUDIT_TYPES.length)
    for (const type of AUDIT_TYPES) expect(type).toMatch(/^[a-z_]+\.[a-z]+(_[a-z]+)*$/)
  })

  it('with a detail that is missing, wrong or of another event does not compile', () => {
    const actor = SERVER
    const events: AuditEvent[] = [
      { type: 'grant.revoked', actor },
      { type: 'grant.narrowed', actor, detail: { removed: ['notes:write'] } },
      // @ts-expect-error: what was removed must be said
      { type: 'grant.narrowed', actor },
      // @ts-expect-error: it is a list
      { type: 'grant.narrowed', actor, detail: { removed: 'notes:write' } },
      // @ts-expect-error: it is of another event
      { type: 'grant.narrowed', actor, detail: { removed: [], code_id: 'x' } },
      // @ts-expect-error: nothing is to be said of it
      { type: 'login.succeeded', actor, detail: { reason: 'x' } },
      // @ts-expect-error: there is no such event
      { type: 'grant.sold', actor },
      // @ts-expect-error: which account it was must be said
      { type: 'grant.revoked', actor: { kind: 'account' } },
      // @ts-expect-error: nobody in particular is the server
      { type: 'grant.revoked', actor: { kind: 'server', id: 'toolgate' } },
    ]
    expect(events).toHaveLength(9)
  })

  it('that nobody words does not compile', () => {
    // @ts-expect-error: the sentence is missing
    event('nothing', API.other, {})
    // @ts-expect-error: the sentence is about a detail that it does not have
    event<{ rows: number }>('nothing', API.other, { sentence: ({ detail }) => String(detail.columns) })
  })
})

describe('the sentences of events', () => {
  const steers = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

  it('are there whatever is in the row, and steer no terminal', () => {
    fc.assert(
      fc.property(hostileRow, (row) => {
        expect(eventSentence({ event: row })).not.toMatch(steers)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each(AUDIT_TYPES)('%s says something of its own, also without a detail', (type) => {
    const row = { ...normaliseEvent({ type, actor: SERVER }), ...PLACE }
    expect(eventSentence({ event: row })).toMatch(/^.{10,}$/)
    expect(eventSentence({ event: row })).not.toContain(type)
  })
})
