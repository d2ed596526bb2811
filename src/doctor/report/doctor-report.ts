import { displayText, displayUrl } from '../crawl/display-text.ts'
import type { DiagnosedFinding, Diagnosis } from '../doctor.ts'
import { evidenceText } from '../finding.ts'
import { STEP_COUNT, type Verdict } from '../steps/judge.ts'

/** The diagnosis for people: first who fails and where, then each finding once. */
export function reportLines({ url, verdicts, findings, left_behind }: Diagnosis): string[] {
  const width = Math.max(6, ...verdicts.map(({ profile }) => profile.title.length))
  const table = verdicts.map((verdict) => `${verdict.profile.title.padEnd(width)}  ${verdictText(verdict)}`)
  const titles = new Map(verdicts.map(({ profile }) => [profile.name, profile.title]))
  return [
    displayUrl(url),
    '',
    `${'CLIENT'.padEnd(width)}  VERDICT`,
    ...table,
    '',
    ...(findings.length === 0 ? ['Nothing found. Signing in itself is not tried.'] : []),
    ...findings.flatMap((finding, index) => findingLines(finding, index + 1, titles)),
    ...left_behind.map(
      ({ client, client_id }) => `Left behind at the server, registered as ${client}: ${client_id}`,
    ),
  ]
}

/** `works` says that nothing stands in the way that can be seen without signing in. */
function verdictText({ failed, likely, steps }: Verdict): string {
  if (failed)
    return `${likely ? 'likely fails' : 'fails'} at step ${failed.number} of ${STEP_COUNT}: ${failed.step}`
  if (steps.some(({ outcome }) => outcome === 'not needed')) return 'works, without signing in'
  const is_warned = steps.some(({ outcome }) => outcome === 'warns')
  return is_warned ? 'works, with warnings' : 'works'
}

function findingLines(
  { title, remediation, evidence, stops, may_stop, warns }: DiagnosedFinding,
  number: number,
  titles: ReadonlyMap<string, string>,
): string[] {
  const named = (names: readonly string[]) =>
    names.length === titles.size ? 'every client' : names.map((name) => titles.get(name) ?? name).join(', ')
  const rows: [string, string][] = [
    ['stops', named(stops)],
    ['may stop', named(may_stop)],
    ['warns', named(warns)],
    ['seen', evidenceText(evidence)],
    ['fix', remediation],
  ]
  const shown = rows.filter(([, text]) => text !== '')
  return [`${number}. ${title}`, ...shown.map(([name, text]) => `   ${name.padEnd(8)}  ${text}`), '']
}

/** The diagnosis for programs. */
export function reportJson({ url, verdicts, findings, left_behind }: Diagnosis): object {
  return { url: displayUrl(url), clients: verdicts.map(clientJson), findings, left_behind }
}

function clientJson({ profile, failed, likely, steps, state }: Verdict): object {
  const { resource } = state.resource_metadata ?? {}
  const asks = { scope: state.scope, resource, redirect_uri: profile.redirect_uri }
  const known = Object.entries(asks).filter(([, value]) => typeof value === 'string')
  return {
    client: profile.name,
    title: profile.title,
    outcome: failed ? (likely ? 'likely fails' : 'fails') : 'works',
    ...(failed ? { failed_step: failed.number } : {}),
    steps: steps.map((step) => ({ ...step, findings: step.findings.map(({ finding }) => finding.id) })),
    /** What it will ask for at the authorization endpoint. */
    asks: Object.fromEntries(known.map(([name, value]) => [name, displayText(value)])),
    rules: profile.rules,
  }
}
