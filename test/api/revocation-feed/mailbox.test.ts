import { describe, expect, it } from 'vitest'
import { Mailbox } from '../../../src/api/revocation-feed/mailbox.ts'

const WRITER = '5b1f6f0a-3c5e-4d7b-9a52-0c8f2f4d9e11'
const position = (seq: number) => ({ since_ms: 1_000, heads: new Map([[WRITER, { seq, at_ms: 2_000 }]]) })
const ofAccount = (id: string) => ({ accounts: [id], clients: [] })
const nothing = { accounts: [], clients: [] }

describe('the mailbox of a reader', () => {
  it('holds, however long the reader takes, the sum of what it has not read, with its newest position', async () => {
    const mailbox = new Mailbox()
    for (let seq = 1; seq <= 500; seq++)
      mailbox.put({ taken: ofAccount(`a${seq % 3}`), position: position(seq), is_current: false })
    expect(await mailbox.next()).toBe(
      `event: drop\nid: 1000~${WRITER}.500\ndata: {"accounts":["a1","a2","a0"]}\n\n`,
    )
  })

  it('says what ended before it says that the server lives', async () => {
    const mailbox = new Mailbox()
    mailbox.put({ taken: nothing, position: position(1), is_current: true })
    mailbox.put({ taken: 'all', position: position(2), is_current: false })
    expect((await mailbox.next())?.match(/^event: \w+/gm)).toEqual(['event: drop', 'event: alive'])
  })

  it('keeps quiet about pages that say nothing, until somebody ends it', async () => {
    const mailbox = new Mailbox()
    const said = mailbox.next()
    mailbox.put({ taken: nothing, position: position(1), is_current: false })
    mailbox.end()
    expect(await said).toBeUndefined()
  })

  it('gives no position that would not fit into a header', async () => {
    const mailbox = new Mailbox()
    const heads = Array.from({ length: 300 }, (_, index) => {
      const writer_id = `${String(index).padStart(8, '0')}${WRITER.slice(8)}`
      return [writer_id, { seq: index, at_ms: 2_000 }] as const
    })
    mailbox.put({ taken: 'all', position: { since_ms: 1_000, heads: new Map(heads) }, is_current: false })
    expect(await mailbox.next()).toBe('event: drop\ndata: {"drop":"all"}\n\n')
  })
})
