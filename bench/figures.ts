/** One line of the report: what was measured, in which unit, and what was promised. */
export type Figure = { name: string; value: number; unit: Unit; goal?: Goal }

const DECIMALS = {
  s: 2,
  ms: 2,
  MB: 0,
  times: 2,
  'per second': 0,
  'rows per second': 0,
  rows: 0,
  answers: 0,
  events: 0,
  bytes: 0,
} as const
export type Unit = keyof typeof DECIMALS

/** `most`: the value must not exceed it; `least`: must not fall short of it. */
export type Goal = { most: number } | { least: number }

export function isMet({ value, goal }: Figure): boolean {
  if (!goal) return true
  return 'most' in goal ? value <= goal.most : value >= goal.least
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value below which `share` of the values lie; between two values the one in proportion. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const lower = sorted[Math.floor(place)] ?? Number.NaN
  const upper = sorted[Math.ceil(place)] ?? Number.NaN
  return lower + (upper - lower) * (place - Math.floor(place))
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function figuresTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, value, unit, goal } = figure
    const promised = goal
      ? 'most' in goal
        ? `at most ${grouped(goal.most)} ${unit}`
        : `at least ${grouped(goal.least)} ${unit}`
      : ''
    return [
      name,
      `${grouped(value, DECIMALS[unit])} ${unit}`,
      promised,
      goal ? (isMet(figure) ? 'yes' : 'NO') : '',
    ]
  })
  return table(['figure', 'value', 'goal', 'met'], rows)
}

/** 1,234.50 */
export function grouped(value: number, decimals?: number): string {
  const digits =
    decimals === undefined ? {} : { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return value.toLocaleString('en-US', digits)
}

/** A Markdown table with aligned columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}
