import type { HourOfCalls } from '../../audit/query/usage-hours-store.ts'

/** Pure geometry of a chart of stacked bars, in user units of an SVG. Whoever draws it escapes the texts. */
export type Bar = { x: number; width: number; title: string; parts: Part[] }
export type Part = { kind: 'allowed' | 'denied' | 'other'; y: number; height: number }
export type Chart = {
  width: number
  height: number
  /** Where the bars stand. */
  base_y: number
  bars: Bar[]
  /** Horizontal lines, the lowest at zero. */
  lines: { y: number; label: string }[]
  /** Below some of the bars. */
  hours: { x: number; label: string }[]
}

const WIDTH = 720
const HEIGHT = 200
const LEFT = 44
const TOP = 12
const BOTTOM = 24
const GAP = 0.25
/** From the bottom up. */
const KINDS = ['allowed', 'denied', 'other'] as const
const LABEL_EVERY = 6

/** The smallest of 1, 2 or 5 times a power of ten that is not below `value`; 1 for zero and for what is no number. */
export function roundUp(value: number): number {
  if (!(value > 1) || !Number.isFinite(value)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function clock(hour: Date): string {
  return hour.toISOString().slice(11, 16)
}

/** One bar for each hour, in the order given. Every number in it is finite, whatever is given. */
export function stackedBars(hours: readonly HourOfCalls[]): Chart {
  const calls = hours.map((hour) => ({
    hour: hour.hour,
    parts: KINDS.map((kind) => ({ kind, count: Math.max(0, hour[kind]) || 0 })),
  }))
  const totals = calls.map(({ parts }) => parts.reduce((sum, { count }) => sum + count, 0))
  const top = roundUp(Math.max(0, ...totals))
  const base_y = HEIGHT - BOTTOM
  const yOf = (count: number) => round(base_y - (count / top) * (base_y - TOP))
  const slot = (WIDTH - LEFT) / Math.max(1, hours.length)
  const bars = calls.map(({ hour, parts }, index) => {
    let below = 0
    const drawn = parts.flatMap(({ kind, count }) => {
      const y = yOf(below + count)
      const height = round(yOf(below) - y)
      below += count
      return height > 0 ? [{ kind, y, height }] : []
    })
    const told = parts.map(({ kind, count }) => `${count} ${kind}`).join(', ')
    const x = round(LEFT + (index + GAP / 2) * slot)
    return { x, width: round(slot * (1 - GAP)), title: `${clock(hour)} UTC: ${told}`, parts: drawn }
  })
  const marks = top === 1 ? [0, 1] : [0, top / 2, top]
  return {
    width: WIDTH,
    height: HEIGHT,
    base_y,
    bars,
    lines: marks.map((mark) => ({ y: yOf(mark), label: mark.toLocaleString('en') })),
    hours: calls.flatMap(({ hour }, index) =>
      index % LABEL_EVERY === 0 ? [{ x: round(LEFT + (index + 0.5) * slot), label: clock(hour) }] : [],
    ),
  }
}
