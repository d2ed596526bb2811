import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalBytes, canonicalDetail, GENESIS, linkHash } from '../../src/audit/hash-chain.ts'
import { chainOf } from './rows.ts'

/** The code blocks of the worked example, by the word after their fence's language. */
async function exampleOfDocument(): Promise<Record<string, string>> {
  const document = await readFile(new URL('../../docs/audit-format.md', import.meta.url), 'utf8')
  const blocks = document.matchAll(/^```\w+ (?<name>\w+)\n(?<text>.*?)\n```$/gms)
  return Object.fromEntries([...blocks].map(({ groups }) => [groups!.name, groups!.text!]))
}

describe('the worked example of docs/audit-format.md', () => {
  it('is what the code computes', async () => {
    const { row, canonical, prev_hash, hash } = await exampleOfDocument()
    const parsed = JSON.parse(row!)
    const chained = { ...parsed, occurred_at: new Date(parsed.occurred_at) }
    expect(canonicalBytes(chained).toString('utf8')).toBe(canonical)
    expect(linkHash(Buffer.from(prev_hash!, 'hex'), chained).toString('hex')).toBe(hash)
  })

  it('can be recomputed from its text alone', async () => {
    const { canonical, prev_hash, hash } = await exampleOfDocument()
    const digest = createHash('sha256').update(Buffer.from(prev_hash!, 'hex')).update(canonical!, 'utf8')
    expect(digest.digest('hex')).toBe(hash)
  })
})

describe('canonicalBytes', () => {
  it('is the JSON of the fields in their fixed order', () => {
    const [row] = chainOf(1)
    expect(canonicalBytes(row!).toString('utf8')).toBe(
      JSON.stringify([
        1,
        row!.writer_id,
        row!.seq,
        row!.occurred_at.getTime(),
        row!.id,
        row!.type,
        row!.actor,
        row!.account_id,
        row!.client_id,
        row!.resource,
        row!.tool,
        row!.decision,
        row!.scope,
        row!.grant_id,
        row!.token_id,
        row!.request_id,
        row!.ip,
        { index: 0, method: 'tools/call', needed: 'notes:write' },
      ]),
    )
  })

  it('tells absent from empty', () => {
    const [row] = chainOf(1)
    expect(canonicalBytes({ ...row!, tool: null })).not.toEqual(canonicalBytes({ ...row!, tool: '' }))
    expect(canonicalDetail(null)).not.toBe(canonicalDetail({}))
  })
})

describe('canonicalDetail', () => {
  const scalar = fc.oneof(fc.string(), fc.boolean(), fc.maxSafeInteger(), fc.constant(null))
  const detail = fc.dictionary(fc.string(), fc.oneof(scalar, fc.array(scalar)), { noNullPrototype: true })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(detail, (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalDetail(reversed)).toBe(canonicalDetail(value))
      }),
    )
  })

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(detail, (value) => {
        const text = canonicalDetail(value)
        expect(canonicalDetail(JSON.parse(text))).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('does not let a number too large pass for null', () => {
    expect(canonicalDetail(JSON.parse('{"a":1e400}'))).not.toBe(canonicalDetail({ a: null }))
  })
})

describe('linkHash', () => {
  it('depends on the row before', () => {
    const [first, second] = chainOf(2)
    expect(first!.prev_hash).toEqual(GENESIS)
    expect(second!.prev_hash).toEqual(first!.hash)
    expect(linkHash(GENESIS, second!)).not.toEqual(second!.hash)
  })
})
