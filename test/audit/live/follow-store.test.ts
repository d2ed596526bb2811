import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type FollowPosition,
  followEvents,
  followFromNow,
  readPosition,
  withPositions,
  writePosition,
} from '../../../src/audit/live/follow-store.ts'
import { AuditWriter } from '../../../src/audit/log/audit-writer.ts'
import { begin, commit } from '../../../src/storage/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

const calls = { type: 'tool.decided' } as const
const db = () => test.database.knex
const writer = () => new AuditWriter(test.database.hot)
const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => decided(from + index))

/** Everything that matches from a position on, and where it ends. */
async function readAll(position: FollowPosition, filter: object = calls) {
  const tools: (string | null)[] = []
  for (;;) {
    const page = await followEvents(db(), filter, position)
    tools.push(...page.events.map(({ tool }) => tool))
    position = page.position
    if (page.whole) return { tools, position }
  }
}

describe('following the log', () => {
  it('gives what was committed since, of old and new writers, once', async () => {
    const log = writer()
    await log.append(decided(100))
    const start = await followFromNow(db())
    await log.append([decided(101), decided(102)])
    await writer().append(decided(103))
    const first = await readAll(start)
    expect(first.tools.sort()).toEqual(['tool_101', 'tool_102', 'tool_103'])
    await log.append(decided(104))
    const second = await readAll(first.position)
    expect(second.tools).toEqual(['tool_104'])
    expect((await readAll(second.position)).tools).toEqual([])
  })

  it('misses no event that is committed after a later one of another writer', async () => {
    const start = await followFromNow(db())
    const [slow, fast] = [writer(), writer()]
    const trx = await begin(db())
    let passed = start
    await slow.appendIn(trx, [decided(201)], async () => {
      await fast.append(decided(202))
      const page = await readAll(start)
      expect(page.tools).toEqual(['tool_202'])
      passed = page.position
      await commit(trx)
    })
    expect((await readAll(passed)).tools).toEqual(['tool_201'])
  })

  it('goes on where it was cut off, at any event, without missing or repeating one', async () => {
    const start = await followFromNow(db())
    const [one, other] = [writer(), writer()]
    for (let at = 0; at < 5; at++)
      await Promise.all([one, other].map((log, n) => log.append(decided(300 + at * 2 + n))))
    const { events } = await followEvents(db(), calls, start)
    const expected = events.map(({ tool }) => tool)
    expect([...expected].sort()).toEqual(many(300, 10).map(({ tool }) => tool))
    let passed = 0
    for (const { position } of withPositions(start, events)) {
      passed += 1
      expect((await readAll(readPosition(position))).tools).toEqual(expected.slice(passed))
    }
  })

  it('reads far more than one step at a time can, and what matches rarely, to the end', async () => {
    const start = await followFromNow(db())
    const logs = [writer(), writer()]
    for (const log of logs) for (let at = 0; at < 3_000; at += 500) await log.append(many(1_000 + at, 500))
    const { tools } = await readAll(start)
    expect(tools).toHaveLength(6_000)
    expect(new Set(tools).size).toBe(3_000)
    expect((await readAll(start, { tool: 'tool_3999' })).tools).toEqual(['tool_3999', 'tool_3999'])
  })

  it('looks only at the writers that are named, and finds the others later', async () => {
    const start = await followFromNow(db())
    const [loud, silent] = [writer(), writer()]
    await Promise.all([loud.append(decided(401)), silent.append(decided(402))])
    const page = await followEvents(db(), calls, start, [loud.head.writer_id])
    expect(page.events.map(({ tool }) => tool)).toEqual(['tool_401'])
    expect((await readAll(page.position)).tools).toEqual(['tool_402'])
  })
})

describe('a position', () => {
  it('is short, whatever number of writers there was', async () => {
    const position = await followFromNow(db())
    expect(readPosition(writePosition(position)).since_ms).toBe(position.since_ms)
    const at_ms = position.since_ms + 1
    const head = (index: number): [string, { seq: number; at_ms: number }] => [
      `5b1f6f0a-3c5e-4d7b-9a52-${String(index).padStart(12, '0')}`,
      { seq: 999_999, at_ms },
    ]
    const heads = new Map(Array.from({ length: 5_000 }, (_, index) => head(index)))
    expect(writePosition({ since_ms: position.since_ms, heads }).length).toBeLessThan(16_000)
  })

  it.each(['', 'x', '1~2', '1~; drop table', "1~' or 1=1", `1~${'9'.repeat(4_000)}`, '1'.repeat(16)])(
    'that no event came with is refused: %j',
    (text) => {
      expect(() => readPosition(text)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
    },
  )
})
