import { CHECKS } from '../../../src/doctor/review/all-checks.ts'

/** The table of docs/review.md, written from the checks. */
export const CHECKS_DOCUMENT = 'docs/review.md'

const MARKS = [
  '<!-- checks: made by test/doctor/review/write-checks-document.ts -->',
  '<!-- end of checks -->',
] as const

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** The page with its table as it has to be. */
export function withChecks(page: string): string {
  const [begin, end] = MARKS
  const [before = '', rest = ''] = page.split(begin)
  const after = rest.split(end)[1] ?? ''
  const rows = CHECKS.map(({ id, severity, title, section, mend }) => [
    `\`${id}\``,
    severity,
    cell(title),
    `[${section.name}](${section.url})`,
    cell(mend),
  ])
  const table = [['id', 'severity', 'what is wrong', 'section', 'mend'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...others] = table
  const lines = [line(head), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)]
  return [before.trimEnd(), '', begin, '', ...lines, '', `${end}${after}`].join('\n')
}
