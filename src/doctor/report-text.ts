import type { DiagnosedProblem, Diagnosis } from './doctor.ts'
import { STEP_COUNT, type Verdict } from './judge.ts'
import { plainText, plainUrl } from './plain-text.ts'

/** The diagnosis for people: first who fails and where, then each mistake once. */
export function reportLines({ url, verdicts, problems, left_behind }: Diagnosis): string[] {
  const width = Math.max(6, ...verdicts.map(({ profile }) => profile.title.length))
  const table = verdicts.map((verdict) => `${verdict.profile.title.padEnd(width)}  ${verdictText(verdict)}`)
  const titles = new Map(verdicts.map(({ profile }) => [profile.name, profile.title]))
  return [
    plainUrl(url),
    '',
    `${'CLIENT'.padEnd(width)}  VERDICT`,
    ...table,
    '',
    ...(problems.length === 0 ? ['No problems seen. Signing in itself is not tried.'] : []),
    ...problems.flatMap((problem, index) => problemLines(problem, index + 1, titles)),
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

function problemLines(
  problem: DiagnosedProblem,
  number: number,
  titles: ReadonlyMap<string, string>,
): string[] {
  const { says, mend, evidence, stops, may_stop, hinders } = problem
  const named = (names: readonly string[]) =>
    names.length === titles.size ? 'every client' : names.map((name) => titles.get(name) ?? name).join(', ')
  const { method, url, status, seen } = evidence
  const rows: [string, string][] = [
    ['stops', named(stops)],
    ['may stop', named(may_stop)],
    ['warns', named(hinders)],
    [
      'seen',
      `${method} ${url}${status === undefined ? '' : ` → ${status}`}${seen === undefined ? '' : `, ${seen}`}`,
    ],
    ['mend', mend],
  ]
  const lists: Record<string, readonly string[]> = { stops, 'may stop': may_stop, warns: hinders }
  const shown = rows.filter(([name]) => lists[name] === undefined || lists[name].length > 0)
  return [`${number}. ${says}`, ...shown.map(([name, text]) => `   ${name.padEnd(8)}  ${text}`), '']
}

/** The diagnosis for programs. */
export function reportJson({ url, verdicts, problems, left_behind }: Diagnosis): object {
  return {
    url: plainUrl(url),
    clients: verdicts.map((verdict) => ({
      client: verdict.profile.name,
      title: verdict.profile.title,
      outcome: verdict.failed ? (verdict.likely ? 'likely fails' : 'fails') : 'works',
      ...(verdict.failed ? { failed_step: verdict.failed.number } : {}),
      steps: verdict.steps.map(({ number, step, outcome, findings }) => ({
        number,
        step,
        outcome,
        mistakes: findings.map(({ problem }) => problem.mistake),
      })),
      asks: Object.fromEntries(
        Object.entries(verdict.asks).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, plainText(value)]],
        ),
      ),
      rules: verdict.profile.rules,
    })),
    problems,
    left_behind,
  }
}
