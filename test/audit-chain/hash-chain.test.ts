import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { contentDigest, GENESIS, linkHash } from '../../src/audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS, contentBytes } from '../../src/audit-chain/row-bytes.ts'
import { chainOf, decided } from '../audit/rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

/** The code blocks of the worked example, by the word after their fence's language. */
async function exampleOfDocument(): Promise<Record<string, string>> {
  const document = await readFile(new URL('../../docs/audit-format.md', import.meta.url), 'utf8')
  const blocks = document.matchAll(/^```\w+ (?<name>\w+)\n(?<text>.*?)\n```$/gms)
  return Object.fromEntries([...blocks].map(({ groups }) => [groups!.name, groups!.text!]))
}

describe('the worked example of docs/audit-format.md', () => {
  it('is what the code computes', async () => {
    const { row, content, prev_hash, hash } = await exampleOfDocument()
    const parsed = JSON.parse(row!)
    const chained = { ...parsed, occurred_at: new Date(parsed.occurred_at) }
    expect(contentBytes(chained).toString('hex')).toBe(content!.replace(/\s/g, ''))
    const link = linkHash(contentDigest(chained), Buffer.from(prev_hash!, 'hex'))
    expect(link.toString('hex')).toBe(hash)
  })

  it('can be recomputed from its bytes alone', async () => {
    const { content, prev_hash, hash } = await exampleOfDocument()
    const digest = createHash('sha256')
      .update(Buffer.from(content!.replace(/\s/g, ''), 'hex'))
      .digest()
    const link = createHash('sha256').update(digest).update(Buffer.from(prev_hash!, 'hex'))
    expect(link.digest('hex')).toBe(hash)
  })
})

describe('contentBytes', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
  })
  afterAll(() => test.drop())

  it('are the bytes that Postgres sends of the row', async () => {
    const { knex, hot } = test.database
    const detail = { zz: 'ü"\\', a: [1, null, 'x'], ключ: true, bb: -5 } as never
    await new AuditLog(hot).append([
      decided(1),
      { ...decided(2), actor: TEST.actor, detail, tool: undefined },
    ])
    const sent = CONTENT_COLUMNS.map((column) => {
      const type = { occurred_at: 'timestamptz', writer_id: 'uuid', seq: 'int8', id: 'uuid', detail: 'jsonb' }
      const send = type[column as keyof typeof type] ?? 'text'
      const bytes = `${send}${send.endsWith('z') || send === 'uuid' || send === 'jsonb' ? '_' : ''}send(${column})`
      return `case when ${column} is null then '\\xffffffff'::bytea else int4send(octet_length(${bytes})) || ${bytes} end`
    })
    const rows = await knex('audit_events').select('*', knex.raw(`${sent.join(' || ')} as sent`))
    expect(rows).toHaveLength(3)
    for (const { sent: bytes, ...row } of rows) {
      const event = { ...row, seq: Number(row.seq) }
      expect(contentBytes(event)).toEqual(bytes)
      const digest = createHash('sha256').update(bytes).digest()
      expect(createHash('sha256').update(digest).update(row.prev_hash).digest()).toEqual(row.hash)
    }
  })

  it('tell absent from empty', () => {
    const [row] = chainOf(1)
    expect(contentBytes({ ...row!, tool: null })).not.toEqual(contentBytes({ ...row!, tool: '' }))
    expect(contentBytes({ ...row!, detail: null })).not.toEqual(contentBytes({ ...row!, detail: {} }))
  })
})

describe('linkHash', () => {
  it('depends on the row before', () => {
    const [first, second] = chainOf(2)
    expect(first!.prev_hash).toEqual(GENESIS)
    expect(second!.prev_hash).toEqual(first!.hash)
    expect(linkHash(contentDigest(second!), GENESIS)).not.toEqual(second!.hash)
  })
})
