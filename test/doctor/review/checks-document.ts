import { CHECKS } from '../../../src/doctor/review/all-checks.ts'
import { markdownTable } from '../../support/markdown-table.ts'

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
  const lines = markdownTable(['id', 'severity', 'what is wrong', 'section', 'mend'], rows)
  return [before.trimEnd(), '', begin, '', ...lines, '', `${end}${after}`].join('\n')
}
