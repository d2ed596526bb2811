import { evidenceText } from '../finding.ts'
import type { Review } from '../review.ts'
import type { Rule, Severity } from '../rules/rule.ts'
import { RULES } from '../rules/rules.ts'

/** SARIF 2.1.0 §3.27.10 and what code hosts sort by (`security-severity`, 0 to 10). */
const LEVEL: Record<Severity, { level: 'error' | 'warning' | 'note'; score: string }> = {
  critical: { level: 'error', score: '9.5' },
  high: { level: 'error', score: '8.0' },
  medium: { level: 'warning', score: '5.5' },
  low: { level: 'note', score: '3.0' },
  info: { level: 'note', score: '0.0' },
}

/** The review as SARIF 2.1.0: a rule for every one of ours, a result for every finding. */
export function sarifOf({ url, begun_at, findings, not_judged }: Review): object {
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'toolgate review', rules: RULES.map(ruleOf) } },
        invocations: [
          {
            executionSuccessful: true,
            startTimeUtc: begun_at,
            toolExecutionNotifications: not_judged.map(({ id, why, flag }) => ({
              level: 'note',
              associatedRule: { id },
              message: { text: `Not judged: ${why}${flag === undefined ? '' : ` (${flag})`}` },
            })),
          },
        ],
        results: findings.map(({ id, severity, evidence, remediation }) => ({
          ruleId: id,
          ruleIndex: RULES.findIndex((rule) => rule.id === id),
          level: LEVEL[severity].level,
          message: { text: `${evidenceText(evidence)}. ${remediation}` },
          locations: [{ physicalLocation: { artifactLocation: { uri: url } } }],
          partialFingerprints: { 'review/v1': `${id} ${url}` },
        })),
      },
    ],
  }
}

function ruleOf({ id, title, severity, section, remediation }: Rule): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: `${title} (${section.name}).` },
    help: { text: remediation },
    helpUri: section.url,
    defaultConfiguration: { level: LEVEL[severity].level },
    properties: { 'security-severity': LEVEL[severity].score, tags: ['security', 'mcp'] },
  }
}
