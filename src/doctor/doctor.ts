import type { ClientProfile } from './client-profile.ts'
import { CLIENT_PROFILES } from './clients/index.ts'
import { discoverAs, judge, type Verdict } from './judge.ts'
import type { Problem, Trial } from './problem.ts'
import { tryAsClient } from './trial.ts'
import { type Walk, walk } from './walk.ts'

/**
 * The doctor, for people whose client says “authorization failed”: walks the discovery chain of somebody's MCP server
 * once, judges it as each known client would, and says which mistake stops which client and what to change.
 */
export type DoctorOptions = {
  /** All when absent. */
  clients?: readonly ClientProfile[]
  /** Registers as each client would, and takes it back where the server lets it. Otherwise nothing is changed. */
  active?: boolean
}

export type Diagnosis = {
  url: string
  verdicts: Verdict[]
  /** Each distinct problem once, what stops clients first. */
  problems: DiagnosedProblem[]
  /** Registrations that `active` made and the server did not let go. */
  left_behind: { client: string; client_id: string }[]
}

export type DiagnosedProblem = Problem & { stops: string[]; may_stop: string[]; hinders: string[] }

/** Asks at `url` and behind it. Whatever the other side does is a finding; throws for nothing of it. */
export async function diagnose(url: string, options: DoctorOptions = {}): Promise<Diagnosis> {
  const clients = options.clients ?? CLIENT_PROFILES
  const walked = await walk(url)
  const trials = options.active ? await tryAll(clients, walked) : new Map<string, Trial>()
  const verdicts = clients.map((profile) => judge(profile, walked, trials.get(profile.name)))
  const left_behind = [...trials.values()].flatMap((trial) => trial.left_behind ?? [])
  return { url, verdicts, problems: problemsOf(verdicts), left_behind }
}

/** One after the other: servers limit how many clients register at a time. */
async function tryAll(clients: readonly ClientProfile[], walked: Walk): Promise<Map<string, Trial>> {
  const trials = new Map<string, Trial>()
  for (const profile of clients) {
    const trial = await tryAsClient(discoverAs(profile, walked))
    if (trial) trials.set(profile.name, trial)
  }
  return trials
}

function problemsOf(verdicts: readonly Verdict[]): DiagnosedProblem[] {
  const found = new Map<string, DiagnosedProblem>()
  for (const { profile, steps } of verdicts)
    for (const { problem, fails, likely } of steps.flatMap(({ findings }) => findings)) {
      const key = JSON.stringify(problem)
      const entry = found.get(key) ?? { ...problem, stops: [], may_stop: [], hinders: [] }
      found.set(key, entry)
      const clients = !fails ? entry.hinders : likely ? entry.may_stop : entry.stops
      if (!clients.includes(profile.name)) clients.push(profile.name)
    }
  const weight = ({ stops, may_stop }: DiagnosedProblem) => stops.length * 100 + may_stop.length
  return [...found.values()].toSorted((a, b) => weight(b) - weight(a))
}

/** The profiles with these names. Names that there are none of come back as `unknown`. */
export function profilesNamed(names: readonly string[]): { profiles: ClientProfile[]; unknown: string[] } {
  const profiles = CLIENT_PROFILES.filter(({ name }) => names.includes(name))
  return { profiles, unknown: names.filter((name) => !profiles.some((profile) => profile.name === name)) }
}
