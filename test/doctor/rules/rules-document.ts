import { RULES } from '../../../src/doctor/rules/rules.ts'
import { markdownTable } from '../../support/markdown-table.ts'

/** The table of docs/review.md, written from the rules. */
export const RULES_DOCUMENT = 'docs/review.md'

const MARKS = [
  '<!-- rules: made by test/doctor/rules/write-rules-document.ts -->',
  '<!-- end of rules -->',
] as const

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** The page with its table as it has to be. */
export function withRules(page: string): string {
  const [begin, end] = MARKS
  const [before = '', rest = ''] = page.split(begin)
  const after = rest.split(end)[1] ?? ''
  const rows = RULES.map(({ id, severity, title, section, remediation }) => [
    `\`${id}\``,
    severity,
    cell(title),
    `[${section.name}](${section.url})`,
    cell(remediation),
  ])
  const lines = markdownTable(['id', 'severity', 'what is wrong', 'section', 'remediation'], rows)
  return [before.trimEnd(), '', begin, '', ...lines, '', `${end}${after}`].join('\n')
}
