import { evidenceText } from '../finding.ts'
import type { Review } from '../review.ts'
import { SEVERITIES } from '../rules/rule.ts'

/** The review for people, line by line. */
export function reportLines({ url, findings, passed, not_judged, revocation }: Review): string[] {
  const found = findings.flatMap(({ id, severity, title, evidence, section, remediation }) => [
    `${severity.toUpperCase().padEnd(8)}  ${title}  [${id}]`,
    `          seen: ${evidenceText(evidence)}`,
    `          fix: ${remediation}`,
    `          ${section.name}: ${section.url}`,
    '',
  ])
  const left = not_judged.map(
    ({ id, why, flag }) => `  ${id}: ${why}${flag === undefined ? '' : ` (${flag})`}`,
  )
  const measured = revocation && [
    `A revocation was followed by a 401 after ${revocation.p50_ms} ms (p50) and at most ${revocation.max_ms} ms, in ${revocation.tries} tries.`,
    '',
  ]
  return [
    ...found,
    ...(left.length > 0 ? ['Not judged:', ...left, ''] : []),
    ...(measured ?? []),
    `${url}: ${countText(findings)}; ${passed.length} rules passed, ${not_judged.length} were not judged.`,
  ]
}

function countText(findings: Review['findings']): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length
    return count > 0 ? [`${count} ${severity}`] : []
  })
  return counts.length > 0 ? counts.join(', ') : 'no findings'
}
