import { SEVERITIES } from './finding.ts'
import type { Review } from './review.ts'

/** The review for people, line by line. */
export function reportLines({ url, findings, passed, not_made, revocation }: Review): string[] {
  const found = findings.flatMap(({ id, severity, title, seen, section, mend }) => [
    `${severity.toUpperCase().padEnd(8)}  ${title}  [${id}]`,
    `          seen: ${seen}`,
    `          mend: ${mend}`,
    `          ${section.name}: ${section.url}`,
    '',
  ])
  const left = not_made.map(({ id, why, flag }) => `  ${id}: ${why}${flag === undefined ? '' : ` (${flag})`}`)
  const bit = revocation && [
    `A revocation was followed by a 401 after ${revocation.p50_ms} ms (p50) and at most ${revocation.max_ms} ms, in ${revocation.tries} tries.`,
    '',
  ]
  return [
    ...found,
    ...(left.length > 0 ? ['Not made:', ...left, ''] : []),
    ...(bit ?? []),
    `${url}: ${countText(findings)}; ${passed.length} checks passed, ${not_made.length} were not made.`,
  ]
}

function countText(findings: Review['findings']): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length
    return count > 0 ? [`${count} ${severity}`] : []
  })
  return counts.length > 0 ? counts.join(', ') : 'no findings'
}
