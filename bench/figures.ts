/** One line of the report: what was measured, in which unit, and what was promised. */
export type Figure = { name: string; value: number; unit: 's' | 'MB' | 'times'; goal?: Goal }

/** `most`: the value must not exceed it; `least`: must not fall short of it. */
export type Goal = { most: number } | { least: number }

export function isMet({ value, goal }: Figure): boolean {
  if (!goal) return true
  return 'most' in goal ? value <= goal.most : value >= goal.least
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const DECIMALS = { s: 2, MB: 0, times: 1 } as const

export function figuresTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, value, unit, goal } = figure
    const promised = goal
      ? 'most' in goal
        ? `at most ${goal.most} ${unit}`
        : `at least ${goal.least} ${unit}`
      : ''
    return [
      name,
      `${value.toFixed(DECIMALS[unit])} ${unit}`,
      promised,
      goal ? (isMet(figure) ? 'yes' : 'NO') : '',
    ]
  })
  return table(['figure', 'value', 'goal', 'met'], rows)
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
