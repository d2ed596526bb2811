import fc from 'fast-check'
import { AUDIT_TYPES, DECISIONS } from '../../../src/audit/events/audit-event.ts'
import { ACTOR_KINDS } from '../../../src/audit-chain/actor.ts'
import type { AuditRow } from '../../../src/audit-chain/hash-chain.ts'
import { WRITER } from '../rows.ts'

/** What breaks formats, besides any other text. */
const SNARES = [
  '',
  '"',
  '\\',
  ']',
  '"] evil="1',
  '\r\n',
  '\u2028',
  '\0',
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  "'=1",
  ' =1',
  '\t=1',
  '＝1',
  ',',
  '\ud800',
  '\u202e',
  '<14>1 - - - - - -',
  '__proto__',
  'constructor',
]

const text = fc.oneof(fc.constantFrom(...SNARES), fc.string({ unit: 'binary', maxLength: 40 }))
const maybe = fc.option(text)
const scalar = fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.constant(null))
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))

/** Rows as somebody could write them past the log, who may write anything into any text. */
export const hostileRow: fc.Arbitrary<AuditRow> = fc.record({
  occurred_at: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
  writer_id: fc.constant(WRITER),
  seq: fc.integer({ min: 1 }),
  id: fc.uuid(),
  type: fc.oneof(fc.constantFrom<string>(...AUDIT_TYPES), text),
  actor_kind: fc.oneof(fc.constantFrom<string>(...ACTOR_KINDS), text),
  actor_id: maybe,
  account_id: maybe,
  client_id: maybe,
  resource: maybe,
  tool: maybe,
  decision: fc.option(fc.oneof(fc.constantFrom<string>(...DECISIONS), text)),
  scope: maybe,
  grant_id: maybe,
  token_id: maybe,
  request_id: maybe,
  ip: maybe,
  detail: fc.option(
    fc.dictionary(text, fc.oneof(scalar, fc.array(scalar, { maxLength: 4 })), { maxKeys: 5 }),
  ),
  prev_hash: hash,
  hash,
})
