import { expect, it } from 'vitest'
import { FetchBudget } from '../../../src/clients/documents/fetch-budget.ts'

const MINUTE_MS = 60_000
const at = (minutes: number) => 1_000_000 + minutes * MINUTE_MS
const done = async () => 'fetched'

/** How many of `count` fetches, one after the other, were allowed. */
async function spend(budget: FetchBudget, count: number, host: (index: number) => string, now_ms = at(0)) {
  let allowed = 0
  for (let index = 0; index < count; index++)
    if ((await budget.spend(host(index), done, now_ms)) === 'fetched') allowed += 1
  return allowed
}

it('one host is asked 12 times a minute, and then others still are', async () => {
  const budget = new FetchBudget()
  expect(await spend(budget, 30, () => 'a.example')).toBe(12)
  expect(await spend(budget, 1, () => 'b.example')).toBe(1)
  expect(await spend(budget, 30, () => 'a.example', at(1))).toBe(12)
})

it('all hosts together are asked 120 times a minute', async () => {
  const budget = new FetchBudget()
  expect(await spend(budget, 500, (index) => `${index}.example`)).toBe(120)
  expect(await spend(budget, 500, (index) => `${index}.example`, at(1))).toBe(120)
})

it('eight fetches run at one time; one that ends or fails makes room', async () => {
  const budget = new FetchBudget()
  const ends: (() => void)[] = []
  const hang = () => new Promise<string>((resolve) => ends.push(() => resolve('fetched')))
  const running = Array.from({ length: 8 }, (_, index) => budget.spend(`${index}.example`, hang, at(0)))
  expect(await budget.spend('ninth.example', done, at(0))).toBeUndefined()
  for (const end of ends) end()
  await Promise.all(running)
  const failing = () => Promise.reject(new Error('failed'))
  for (let index = 0; index < 10; index++)
    await expect(budget.spend(`f${index}.example`, failing, at(0))).rejects.toThrow('failed')
  expect(await budget.spend('ninth.example', done, at(0))).toBe('fetched')
})
