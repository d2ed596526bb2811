import { describe, expect, it } from 'vitest'
import { readOptions } from '../bench/options.ts'
import type { Part } from '../bench/part.ts'
import { type Finished, mergeResults, missedGoals } from '../bench/report.ts'

const measure = () => Promise.reject(new Error('not measured here'))
const PARTS: Part[] = [
  { name: 'first', summary: 'one', measure },
  { name: 'second', summary: 'two', measure },
  { name: 'slow', summary: 'three', long: true, measure },
]

function finished(name: string, value: number): Finished {
  const goal = { least: 10 } as const
  return { name, ran: `${value} rounds`, figures: [{ name: 'speed', value, unit: 'times', goal }] }
}

function chosen(...words: string[]): string[] {
  return readOptions(PARTS, words).parts.map(({ name }) => name)
}

describe('what runs', () => {
  it('is all but the long parts, unless they are asked for', () => {
    expect(chosen()).toEqual(['first', 'second'])
    expect(chosen('--all')).toEqual(['first', 'second', 'slow'])
    expect(chosen('--only', 'slow,first')).toEqual(['first', 'slow'])
  })

  it('is nothing when the command line cannot be understood', () => {
    expect(() => chosen('--only', 'third')).toThrow('there are first, second, slow')
    expect(() => chosen('--rounds', '1.5')).toThrow('whole number')
    expect(() => chosen('--seconds', 'none')).toThrow('positive number')
    expect(() => chosen('--quick', '--write')).toThrow('--quick')
  })
})

describe('the results', () => {
  it('of one part replace its last ones and leave those of the others', () => {
    const before = mergeResults('', [finished('second', 5), finished('first', 20)], PARTS)
    const after = mergeResults(before, [finished('second', 30)], PARTS)
    expect(after.indexOf('## first')).toBeLessThan(after.indexOf('## second'))
    expect(after).toContain('20 rounds')
    expect(after).toContain('30 rounds')
    expect(after).not.toContain('5 rounds;')
    expect(mergeResults(after, [], PARTS)).toBe(after)
  })

  it('of a part say how it was measured, on which Node and how many cores', () => {
    expect(mergeResults('', [finished('first', 3)], PARTS)).toMatch(/3 rounds; Node v\d+.*, \d+ cores\./)
  })

  it('miss a goal only when they were measured in earnest', () => {
    const parts = [finished('first', 5), finished('second', 20)]
    expect(missedGoals(parts, { quick: false }).map(({ value }) => value)).toEqual([5])
    expect(missedGoals(parts, { quick: true })).toEqual([])
  })
})
