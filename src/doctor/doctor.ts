import { probeRegistration } from './active/registration-probe.ts'
import type { ClientProfile } from './clients/client-facts.ts'
import { CLIENT_PROFILES } from './clients/index.ts'
import { crawl } from './crawl/crawl.ts'
import type { Crawl } from './crawl/http-cache.ts'
import type { Finding } from './finding.ts'
import type { Effect, RegistrationProbe } from './steps/client-state.ts'
import { hasDiscovered, judge, type Verdict } from './steps/judge.ts'

/**
 * The doctor, for people whose client says “authorization failed”: crawls an MCP deployment once, judges it as each known
 * client would, and says what stops which client and what to change.
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
  /** Each distinct one once, what stops clients first. */
  findings: DiagnosedFinding[]
  /** Registrations that `active` made and the server did not let go. */
  left_behind: { client: string; client_id: string }[]
}

/** With the names of the clients on which it has this effect. */
export type DiagnosedFinding = Finding & Record<Effect, string[]>

/** Asks at `url` and behind it. Whatever the other side does is a finding; throws for nothing of it. */
export async function diagnose(url: string, options: DoctorOptions = {}): Promise<Diagnosis> {
  const clients = options.clients ?? CLIENT_PROFILES
  const crawled = await crawl(url)
  const probes = options.active ? await probeAll(clients, crawled) : new Map<string, RegistrationProbe>()
  const verdicts = clients.map((profile) => judge(profile, crawled, probes.get(profile.name)))
  const left_behind = [...probes.values()].flatMap((probe) => probe.left_behind ?? [])
  return { url, verdicts, findings: findingsOf(verdicts), left_behind }
}

/** One after the other: servers limit how many clients register at a time. */
async function probeAll(
  clients: readonly ClientProfile[],
  crawled: Crawl,
): Promise<Map<string, RegistrationProbe>> {
  const probes = new Map<string, RegistrationProbe>()
  for (const profile of clients) {
    const verdict = judge(profile, crawled)
    const probe = hasDiscovered(verdict) ? await probeRegistration(verdict.state) : undefined
    if (probe) probes.set(profile.name, probe)
  }
  return probes
}

export function findingsOf(verdicts: readonly Verdict[]): DiagnosedFinding[] {
  const found = new Map<string, DiagnosedFinding>()
  for (const { profile, steps } of verdicts)
    for (const { finding, effect } of steps.flatMap(({ findings }) => findings)) {
      const key = JSON.stringify(finding)
      const entry = found.get(key) ?? { ...finding, stops: [], may_stop: [], warns: [] }
      found.set(key, entry)
      if (!entry[effect].includes(profile.name)) entry[effect].push(profile.name)
    }
  const weight = ({ stops, may_stop }: DiagnosedFinding) => stops.length * 100 + may_stop.length
  return [...found.values()].toSorted((a, b) => weight(b) - weight(a))
}

/** The profiles with these names. Names that there are none of come back as `unknown`. */
export function profilesNamed(names: readonly string[]): { profiles: ClientProfile[]; unknown: string[] } {
  const profiles = CLIENT_PROFILES.filter(({ name }) => names.includes(name))
  return { profiles, unknown: names.filter((name) => !profiles.some((profile) => profile.name === name)) }
}
