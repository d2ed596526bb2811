import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OutcomeReport } from '../../../src/guard/reports/call-report.ts'
import type { Delivered } from '../../../src/guard/reports/delivery.ts'
import { ReportQueue } from '../../../src/guard/reports/report-queue.ts'
import { memorySpool, type Spool } from '../../../src/guard/reports/spool.ts'
import { ids, reports } from './outcome-reports.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const taken: Delivered = { outcome: 'taken', refused: [] }
const later: Delivered = { outcome: 'later', why: 'status 503', after_ms: 0 }

/** A queue whose deliveries are answered by `answers`, the last one again and again. */
function queueTo(answers: (Delivered | Promise<Delivered>)[], spool: Spool = memorySpool()) {
  const batches: string[][] = []
  const errors: string[] = []
  const deliver = async (texts: readonly string[]) => {
    batches.push(ids(texts.map((text) => JSON.parse(text))))
    return (answers.length > 1 ? answers.shift() : answers[0]) as Delivered
  }
  const queue = new ReportQueue(deliver, spool, ({ message }) => errors.push(message))
  return { queue, batches, errors }
}
/** Lets everything happen that is to happen in this time. */
const pass = (time_ms: number) => vi.advanceTimersByTimeAsync(time_ms)

describe('the queue', () => {
  it('sends what comes after a silence at once, and gathers what follows', async () => {
    const { queue, batches } = queueTo([taken])
    const [first, ...others] = reports(4)
    await queue.record([first as OutcomeReport])
    await pass(0)
    expect(batches).toEqual([[first?.id]])
    for (const other of others) await queue.record([other])
    await pass(999)
    expect(batches).toHaveLength(1)
    await pass(1)
    expect(batches.slice(1)).toEqual([ids(others)])
  })

  it('sends 100 at a time, in order, without a pause while there are as many', async () => {
    const { queue, batches } = queueTo([taken])
    const all = reports(250)
    await queue.record(all)
    await pass(1)
    await pass(1)
    expect(batches.map(({ length }) => length)).toEqual([100, 100])
    await pass(1_000)
    expect(batches.flat()).toEqual(ids(all))
  })

  it('sends fewer when they are large', async () => {
    const { queue, batches } = queueTo([taken])
    const large = reports(100).map((each) => ({ ...each, name: 'n'.repeat(2_000) }))
    await queue.record(large)
    for (let turn = 0; turn < 5; turn++) await pass(1_000)
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThan(50)
    expect(batches.flat()).toEqual(ids(large))
  })

  it('sends again, later and later, until they are taken, and says so once', async () => {
    // As late as chance may have it: half a second and half of that again, then twice as much each time.
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { queue, batches, errors } = queueTo([later, later, later, taken])
    const all = reports(2)
    await queue.record(all)
    await pass(1)
    expect(batches).toHaveLength(1)
    await pass(498)
    expect(batches).toHaveLength(1)
    await pass(252)
    expect(batches).toHaveLength(2)
    await queue.record(reports(1))
    await pass(999)
    expect(batches).toHaveLength(2)
    await pass(501)
    await pass(3_000)
    expect(batches.map((batch) => batch.slice(0, 2))).toEqual(Array(4).fill(ids(all)))
    expect(errors).toEqual(['The authorization server took no reports now (status 503)'])
  })

  it('waits as long as Retry-After says', async () => {
    const { queue, batches } = queueTo([{ ...later, after_ms: 30_000 } as Delivered, taken])
    await queue.record(reports(1))
    await pass(29_999)
    expect(batches).toHaveLength(1)
    await pass(15_001)
    expect(batches).toHaveLength(2)
  })

  it('keeps 10,000, refuses what is more, and says when and how many were lost', async () => {
    const { queue, errors } = queueTo([later, later, taken])
    await queue.record(reports(10_000))
    await expect(queue.record(reports(3))).rejects.toThrow('Too many')
    queue.note(reports(2))
    await pass(1)
    expect(errors.filter((error) => error.includes('lost'))).toEqual(['3 reports are lost (too many wait)'])
    await pass(3_000)
    expect(errors.at(-1)).toBe('Reports are taken again; 5 were lost')
  })

  it('stops where there is no such endpoint, says so once, and takes no more', async () => {
    const { queue, batches, errors } = queueTo([{ outcome: 'unknown_here' }])
    await queue.record(reports(1))
    await pass(1)
    await expect(queue.record(reports(1))).rejects.toThrow('not taken')
    queue.note(reports(1))
    await pass(100_000)
    expect(batches).toHaveLength(1)
    await queue.close()
    expect(errors).toEqual([expect.stringContaining('takes no reports')])
  })

  it('tries again after five minutes, because a proxy may have said so', async () => {
    const { queue, batches, errors } = queueTo([{ outcome: 'unknown_here' }, taken])
    await queue.record(reports(1))
    await pass(300_001)
    await queue.record(reports(1))
    await pass(1)
    expect(batches).toHaveLength(2)
    expect(errors).toHaveLength(1)
  })

  it('finds the one report that the server cannot read, and loses no other', async () => {
    const all = reports(7)
    const bad = all[4]?.id as string
    const got: string[] = []
    const errors: string[] = []
    const deliver = async (texts: readonly string[]): Promise<Delivered> => {
      const batch = ids(texts.map((text) => JSON.parse(text)))
      if (batch.includes(bad)) return { outcome: 'unfit', why: 'status 400' }
      got.push(...batch)
      return taken
    }
    const queue = new ReportQueue(deliver, memorySpool(), ({ message }) => errors.push(message))
    await queue.record(all)
    for (let turn = 0; turn < 20; turn++) await pass(1_000)
    expect(got).toEqual(ids(all).filter((id) => id !== bad))
    expect(errors).toContain('1 reports are lost (status 400)')
  })

  it('tells which reason the server gives for those it refuses', async () => {
    const { queue, errors } = queueTo([{ outcome: 'taken', refused: [{ id: 'x', reason: 'too_old' }] }])
    await queue.record(reports(1))
    await pass(1)
    expect(errors).toEqual(['1 reports are lost (too_old)'])
  })
})

describe('close', () => {
  it('sends all that waits, also what is under way, and takes no more', async () => {
    const first = Promise.withResolvers<Delivered>()
    const { queue, batches } = queueTo([first.promise, taken])
    const all = reports(150)
    await queue.record(all.slice(0, 1))
    await pass(1)
    await queue.record(all.slice(1))
    const closed = queue.close()
    first.resolve(taken)
    await closed
    expect(batches.flat()).toEqual(ids(all))
    await expect(queue.record(reports(1))).rejects.toThrow()
  })

  it('gives up at the first failure, says how many were not taken, and leaves them in the spool', async () => {
    const acknowledged: string[] = []
    const closing = vi.fn(async () => {})
    const acknowledge = async (list: readonly string[]) => void acknowledged.push(...list)
    const spool: Spool = { left: [], take: async () => {}, acknowledge, close: closing }
    const { queue, errors } = queueTo([taken, later], spool)
    const all = reports(120)
    await queue.record(all)
    await queue.close()
    expect(acknowledged).toEqual(ids(all).slice(0, 100))
    expect(errors.at(-1)).toBe('20 reports were not taken before the end')
    expect(closing).toHaveBeenCalledOnce()
  })
})

describe('a spool', () => {
  it('has the reports before they are taken, and what it had is sent first', async () => {
    const left = reports(2)
    const take = vi.fn(async () => {})
    const { queue, batches } = queueTo([taken], { ...memorySpool(), left, take })
    const [more] = reports(1)
    await queue.record([more as OutcomeReport])
    expect(take).toHaveBeenCalledWith([more])
    await pass(2_000)
    expect(batches.flat()).toEqual([...ids(left), more?.id])
  })

  it('that cannot keep a report has whoever waits for it know, and the loss told', async () => {
    const take = () => Promise.reject(new Error('disk full'))
    const { queue, batches, errors } = queueTo([taken], { ...memorySpool(), take })
    await expect(queue.record(reports(1))).rejects.toThrow('disk full')
    await pass(2_000)
    expect([batches, errors]).toEqual([[], ['1 reports are lost (the spool does not keep them)']])
  })
})
