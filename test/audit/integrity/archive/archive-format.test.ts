import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ARCHIVE_FORMAT,
  baseName,
  type Manifest,
  manifestText,
  readManifest,
} from '../../../../src/audit/integrity/archive/archive-format.ts'
import { type AuditDetail, normaliseEvent } from '../../../../src/audit-chain/event-fields.ts'
import { GENESIS, isIntact } from '../../../../src/audit-chain/hash-chain.ts'
import { readRowLine, rowLine } from '../../../../src/audit-chain/row-line.ts'
import { poisonParser } from '../../../support/poisoned-parser.ts'
import { chainOf, decided, linked } from '../../rows.ts'

const [row] = chainOf(1)
const texts = fc.string({ unit: 'binary', maxLength: 50 })
const scalars = fc.oneof(texts, fc.boolean(), fc.maxSafeInteger(), fc.constant(null))
const details = fc.dictionary(
  fc.oneof(texts, fc.constantFrom('__proto__', 'constructor', 'toString')),
  fc.oneof(scalars, fc.array(scalars, { maxLength: 5 })),
)

describe('a line of an archive', () => {
  it('gives back any row that the log can hold, hash and all, whatever the engine met before', () => {
    fc.assert(
      fc.property(texts, details, (text, detail) => {
        const event = normaliseEvent({
          ...decided(1),
          tool: text,
          actor: { kind: 'client', id: text },
          detail: detail as AuditDetail,
        })
        const stored = linked({ ...row!, ...event }, GENESIS)
        const line = rowLine(stored)
        poisonParser(line)
        expect(readRowLine(line)).toEqual(stored)
        expect(line).not.toContain('\n')
      }),
    )
  })

  it('is a true row, and not one that was changed, whatever the engine met before', () => {
    const quoting = linked({ ...row!, detail: { before: 1, '"': 'a name that needs an escape' } }, GENESIS)
    poisonParser(rowLine(quoting))
    expect(isIntact(readRowLine(rowLine(quoting))!)).toBe(true)
  })

  it('has all columns, in the order of the table', () => {
    expect(Object.keys(JSON.parse(rowLine(row!)))).toEqual(
      `occurred_at writer_id seq id type actor_kind actor_id account_id client_id resource tool decision scope grant_id token_id
       request_id ip detail prev_hash hash`.split(/\s+/),
    )
  })

  it('that is not one is refused, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(texts, fc.json()), (line) => readRowLine(line) === undefined))
    const good = JSON.parse(rowLine(row!))
    for (const wrong of [
      { seq: 0 },
      { seq: 1.5 },
      { seq: '1' },
      { hash: 'AB'.repeat(32) },
      { occurred_at: '2026-07-28' },
      { occurred_at: '2026-07-28T00:00:00Z' },
      { tool: undefined },
      { detail: { a: 0.5 } },
      { more: 1 },
    ])
      expect(readRowLine(JSON.stringify({ ...good, ...wrong })), JSON.stringify(wrong)).toBeUndefined()
  })
})

describe('a manifest', () => {
  const manifest: Manifest = {
    format: ARCHIVE_FORMAT,
    partition: 'audit_events_2026_01',
    part: 1,
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-02-01T00:00:00.000Z',
    rows: 1,
    file: 'audit_events_2026_01.jsonl.gz',
    file_bytes: 100,
    file_sha256: 'ab'.repeat(32),
    content_sha256: 'cd'.repeat(32),
    runs: [{ writer_id: row!.writer_id, first_seq: 1, prev_hash: GENESIS, last_seq: 1, hash: row!.hash }],
    checkpoint: null,
    created_at: '2026-02-02T00:00:00.000Z',
  }

  it('is the same after it was written and read', () => {
    expect(readManifest(manifestText(manifest))).toEqual(manifest)
  })

  it('is nothing else, and names no file outside its directory', () => {
    fc.assert(fc.property(fc.oneof(texts, fc.json()), (text) => readManifest(text) === undefined))
    const good = JSON.parse(manifestText(manifest))
    for (const wrong of [
      { partition: '../audit_events_2026_01' },
      { part: 0 },
      { rows: -1 },
      { format: 'x/2' },
    ])
      expect(readManifest(JSON.stringify({ ...good, ...wrong }))).toBeUndefined()
    for (const name of ['../x', 'audit_events_default', 'accounts', ''])
      expect(() => baseName(name, 1)).toThrow('not a month')
  })
})
