import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRenderer } from '../../../src/http/render.ts'
import { type Chart, roundUp, stackedBars } from '../../../src/pages/operator/chart.ts'

const hour = new Date('2026-11-21T14:00:00Z')
const calls = (allowed: number, denied = 0, other = 0) => ({ hour, allowed, denied, other })
const render = createRenderer()
const svg = (chart: Chart, label = 'calls') => render('operator/chart', { chart, label })

function numbersOf(chart: Chart): number[] {
  const { width, height, base_y, bars, lines, hours } = chart
  const of_bars = bars.flatMap(({ x, width, parts }) => [x, width, ...parts.flatMap((p) => [p.y, p.height])])
  return [width, height, base_y, ...of_bars, ...lines.map(({ y }) => y), ...hours.map(({ x }) => x)]
}

describe('stackedBars', () => {
  it.each([
    ['no hours', []],
    ['hours without calls', Array.from({ length: 24 }, () => calls(0))],
    ['what is no number', [calls(Number.NaN, -3, Number.NaN)]],
  ])('%s give a chart of finite numbers and no parts', (_, hours) => {
    const chart = stackedBars(hours)
    expect(numbersOf(chart).every(Number.isFinite)).toBe(true)
    expect(chart.bars.flatMap(({ parts }) => parts)).toEqual([])
    expect(svg(chart)).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('stacks allowed, denied and other on the base without gaps', () => {
    const chart = stackedBars([calls(5, 3, 2)])
    const [allowed, denied, other] = chart.bars[0]!.parts
    expect(allowed!.y + allowed!.height).toBeCloseTo(chart.base_y)
    expect(denied!.y + denied!.height).toBeCloseTo(allowed!.y)
    expect(other!.y + other!.height).toBeCloseTo(denied!.y)
    expect(chart.bars[0]!.title).toBe('14:00 UTC: 5 allowed, 3 denied, 2 other')
    expect(chart.lines.map(({ label }) => label)).toEqual(['0', '5', '10'])
  })

  it('stays within its frame, whatever is counted', () => {
    const count = fc.integer({ min: 0, max: 2 ** 40 })
    const hours = fc.array(
      fc.record({ hour: fc.constant(hour), allowed: count, denied: count, other: count }),
      { maxLength: 48 },
    )
    fc.assert(
      fc.property(hours, (given) => {
        const chart = stackedBars(given)
        for (const { x, width, parts } of chart.bars) {
          expect(x + width).toBeLessThanOrEqual(chart.width)
          for (const { y, height } of parts) {
            expect(y).toBeGreaterThanOrEqual(0)
            expect(y + height).toBeLessThanOrEqual(chart.base_y + 0.02)
          }
        }
      }),
    )
  })
})

it('texts of a chart are escaped', () => {
  const chart = stackedBars([calls(1)])
  const hostile = '"><script>alert(1)</script>'
  chart.bars[0]!.title = hostile
  chart.lines[0]!.label = hostile
  expect(svg(chart, hostile)).not.toContain('<script>')
})

it.each([
  [0, 1],
  [1, 1],
  [1.5, 2],
  [7, 10],
  [10, 10],
  [21, 50],
  [100, 100],
  [101, 200],
])('roundUp(%d) is %d', (value, rounded) => {
  expect(roundUp(value)).toBe(rounded)
})
