import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/base/errors.ts'
import { FetchBudget, type Wanted } from '../../../src/clients/documents/fetch-budget.ts'

const MINUTE_MS = 60_000
const at = (minutes: number) => 1_000_000 + minutes * MINUTE_MS
const done = async () => 'fetched'
const busy = (error: unknown) => (error instanceof AppError && error.code === 'unavailable' ? 'busy' : error)

type Of = (index: number) => Partial<Wanted>
const wanted = (some: Partial<Wanted>): Wanted => ({
  host: 'a.example',
  network: '192.0.2.1',
  is_known: false,
  ...some,
})

const ask = async (...[budget, ...rest]: [FetchBudget, ...Parameters<FetchBudget['spend']>]) => {
  try {
    return await budget.spend(...rest)
  } catch (error) {
    return busy(error)
  }
}

/** How many of `count` fetches, one after the other, were allowed. */
async function spend(budget: FetchBudget, count: number, of: Of, now_ms = at(0)) {
  let allowed = 0
  for (let index = 0; index < count; index++)
    if ((await ask(budget, wanted(of(index)), done, now_ms)) === 'fetched') allowed += 1
  return allowed
}

const network = (index: number) => `10.0.${index >> 8}.${index & 255}`
const each = (index: number) => ({ host: `${index}.example`, network: network(index) })

describe('within a minute', () => {
  it('one host is asked 24 times, and 12 times for one who asks', async () => {
    const budget = new FetchBudget()
    const others = (index: number) => ({ network: network(index) })
    expect(await spend(budget, 30, () => ({}))).toBe(12)
    expect(await spend(budget, 30, others)).toBe(12)
    expect(await spend(budget, 1, () => ({ host: 'b.example' }))).toBe(1)
    expect(await spend(budget, 30, others, at(1))).toBe(24)
  })

  it('one who asks gets 60, and others still get theirs', async () => {
    const budget = new FetchBudget()
    expect(await spend(budget, 500, (index) => ({ host: `${index}.example` }))).toBe(60)
    expect(await spend(budget, 1, () => ({ host: 'honest.example', network: '192.0.2.2' }))).toBe(1)
  })

  it('all who ask get 180, and another 60 are for what is known', async () => {
    const budget = new FetchBudget()
    budget.wasGood('good.example')
    expect(await spend(budget, 500, each)).toBe(180)
    const known = (index: number) => ({ ...each(index + 1_000), is_known: true })
    expect(await spend(budget, 1, () => ({ host: 'good.example', network: '192.0.2.2' }))).toBe(1)
    expect(await spend(budget, 500, known)).toBe(59)
    expect(await spend(budget, 500, each, at(1))).toBe(180)
  })
})

it('five fetches run at one time, three of one who asks, and three more of what is known; one that ends makes room', async () => {
  const budget = new FetchBudget()
  const ends: (() => void)[] = []
  const hang = () => new Promise<string>((resolve) => ends.push(() => resolve('fetched')))
  const start = (some: Partial<Wanted>) => ask(budget, wanted(some), hang, at(0))
  const running = [1, 2, 3].map((index) => start({ host: `${index}.example` }))
  expect(await start({ host: 'fourth.example' })).toBe('busy')
  running.push(start({ host: 'other.example', network: '192.0.2.2' }))
  running.push(start({ host: 'other.example', network: '192.0.2.3' }))
  expect(await start({ host: 'other.example', network: '192.0.2.4' })).toBe('busy')
  for (const index of [5, 6, 7]) running.push(start({ ...each(index), is_known: true }))
  expect(await start({ ...each(8), is_known: true })).toBe('busy')
  for (const end of ends) end()
  expect(new Set(await Promise.all(running))).toEqual(new Set(['fetched']))
  const failing = () => Promise.reject(new Error('failed'))
  for (let index = 20; index < 30; index++)
    await expect(budget.spend(wanted(each(index)), failing, at(0))).rejects.toThrow('failed')
  expect(await budget.spend(wanted(each(40)), done, at(0))).toBe('fetched')
})
