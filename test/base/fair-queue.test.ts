import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { FairQueue } from '../../src/base/fair-queue.ts'

const NO_DEADLINE_MS = 60_000

/** Work that ends when it is told to, and a record of which began. */
function workshop(options: Partial<ConstructorParameters<typeof FairQueue>[0]> = {}) {
  const queue = new FairQueue({
    width: 1,
    waiting_max: 10,
    lane_max: 5,
    deadline_ms: NO_DEADLINE_MS,
    ...options,
  })
  const begun: string[] = []
  const ends = new Map<string, (failed?: Error) => void>()
  const take = (name: string, place: Partial<Parameters<FairQueue['take']>[0]> = {}) => {
    const work = () =>
      new Promise<string>((resolve, reject) => {
        begun.push(name)
        ends.set(name, (failed) => (failed ? reject(failed) : resolve(name)))
      })
    const taken = queue.take({ lane: name.slice(0, 1), ...place }, work)
    return taken.catch((error) => (error instanceof AppError ? error.code : error.message))
  }
  const end = async (name: string, failed?: Error) => {
    await settled()
    ends.get(name)?.(failed)
    await settled()
  }
  return { queue, begun, take, end }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a fair queue', () => {
  it('runs as many at once as its width, and of one key one', async () => {
    const { begun, take, end } = workshop({ width: 2 })
    const all = [take('a1', { key: 'k' }), take('a2', { key: 'k' }), take('b1'), take('c1')]
    await settled()
    expect(begun).toEqual(['a1', 'b1'])
    await end('b1')
    expect(begun).toEqual(['a1', 'b1', 'c1'])
    await end('a1')
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2'])
    await end('c1')
    await end('a2')
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1', 'c1'])
  })

  it('serves lanes in turn, so that a long one delays itself', async () => {
    const { begun, take, end } = workshop()
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']) void take(name)
    for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']) await end(name)
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
  })

  it('starves nobody: who came with many is passed by a bounded number of those who come later', async () => {
    const { begun, take, end } = workshop()
    for (const name of ['a1', 'a2']) void take(name)
    for (let count = 0; !begun.includes('a2'); count += 1) {
      void take(`b${count}`, { lane: `b${count}` })
      await end(begun.at(-1) ?? 'a1')
      expect(count).toBeLessThan(20)
    }
  })

  it('lets who is first go before all others', async () => {
    const { begun, take, end } = workshop()
    for (const name of ['a1', 'a2', 'b1']) void take(name)
    void take('k1', { first: true })
    for (const name of ['a1', 'k1', 'b1', 'a2']) await end(name)
    expect(begun).toEqual(['a1', 'k1', 'b1', 'a2'])
  })

  it('refuses who finds its lane full', async () => {
    const { take } = workshop({ lane_max: 1 })
    void take('a1')
    void take('a2')
    expect(await take('a3')).toBe('throttled')
  })

  it('when all is full, takes the last of a longer lane out, and refuses who stands in a long one', async () => {
    const { queue, begun, take, end } = workshop({ waiting_max: 3 })
    void take('a1')
    const lane = [take('a2'), take('a3'), take('a4')]
    expect(await take('a5')).toBe('unavailable')
    void take('b1')
    expect(await lane[2]).toBe('unavailable')
    expect(await take('b2')).toBe('unavailable')
    expect(queue.waiting).toBe(3)
    for (const name of ['a1', 'b1', 'a2', 'a3']) await end(name)
    expect(begun).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  it('when all is full, has a place for who is first, and keeps it', async () => {
    const { begun, take, end } = workshop({ waiting_max: 2 })
    void take('a1')
    const [b, c] = [take('b1'), take('c1')]
    void take('k1', { first: true })
    void take('l1', { first: true })
    expect(await Promise.all([b, c])).toEqual(['unavailable', 'unavailable'])
    expect(await take('m1', { first: true })).toBe('unavailable')
    expect(await take('d1')).toBe('unavailable')
    for (const name of ['a1', 'k1', 'l1']) await end(name)
    expect(begun).toEqual(['a1', 'k1', 'l1'])
  })

  it('never works for who hung up', async () => {
    const { queue, begun, take, end } = workshop()
    const caller = new AbortController()
    void take('a1')
    const waiting = take('b1', { signal: caller.signal })
    caller.abort()
    expect(await waiting).toBe('unavailable')
    expect(await take('c1', { signal: caller.signal })).toBe('unavailable')
    expect(queue.waiting).toBe(0)
    await end('a1')
    expect(begun).toEqual(['a1'])
  })

  it('lets nobody wait beyond the deadline', async () => {
    const { queue, take } = workshop({ deadline_ms: 1 })
    void take('a1')
    expect(await take('b1')).toBe('unavailable')
    expect(queue.waiting).toBe(0)
  })

  it('goes on after work that failed', async () => {
    const { begun, take, end } = workshop()
    const failed = take('a1')
    void take('b1')
    await end('a1', new Error('broken'))
    expect(await failed).toBe('broken')
    expect(begun).toEqual(['a1', 'b1'])
  })
})

type Step = { lane: string; key: string | undefined; first: boolean; hangs_up: boolean; ends: number }
const steps = fc.array(
  fc.record({
    lane: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom(undefined, 'k', 'l'),
    first: fc.boolean(),
    hangs_up: fc.boolean(),
    ends: fc.nat({ max: 3 }),
  }),
  { maxLength: 40 },
)

it('whatever comes, ends and hangs up in whatever order: the bounds hold, and everybody is answered', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all: Step[]) => {
      const queue = new FairQueue({ width: 2, waiting_max: 6, lane_max: 4, deadline_ms: NO_DEADLINE_MS })
      const running: { key: string | undefined; end(): void }[] = []
      const endFirst = () => running.shift()?.end()
      const answers = []
      for (const { ends, hangs_up, ...place } of all) {
        const caller = new AbortController()
        const work = () => new Promise<void>((end) => running.push({ key: place.key, end }))
        answers.push(queue.take({ ...place, signal: caller.signal }, work).catch(() => undefined))
        await settled()
        if (hangs_up) caller.abort()
        for (let count = 0; count < ends; count += 1) endFirst()
        await settled()
        expect(running.length).toBeLessThanOrEqual(2)
        expect(queue.waiting).toBeLessThanOrEqual(6)
        const keys = running.map(({ key }) => key).filter((key) => key !== undefined)
        expect(new Set(keys).size).toBe(keys.length)
      }
      while (running.length > 0) {
        endFirst()
        await settled()
      }
      expect(queue.waiting).toBe(0)
      await Promise.all(answers)
    }),
  )
})
