import type { ClientProfile } from './client-profile.ts'
import type { Journey, Step } from './journey.ts'
import type { Finding, Trial } from './problem.ts'
import { authorize } from './steps/authorize.ts'
import { challenge } from './steps/challenge.ts'
import { reach } from './steps/reach.ts'
import { registration } from './steps/registration.ts'
import { resourceMetadata } from './steps/resource-metadata.ts'
import { retry } from './steps/retry.ts'
import { serverMetadata } from './steps/server-metadata.ts'
import { token } from './steps/token.ts'
import type { Walk } from './walk.ts'

/** The judgement of one client over what the walk has seen: pure, and the same for the same walk. */
const STEPS: readonly (readonly [name: StepName, step: Step])[] = [
  ['reach', reach],
  ['challenge', challenge],
  ['resource metadata', resourceMetadata],
  ['server metadata', serverMetadata],
  ['registration', registration],
  ['authorization', authorize],
  ['token', token],
  ['retry', retry],
]

export type StepName =
  | 'reach'
  | 'challenge'
  | 'resource metadata'
  | 'server metadata'
  | 'registration'
  | 'authorization'
  | 'token'
  | 'retry'

export const STEP_COUNT = STEPS.length

export type StepOutcome = 'ok' | 'warns' | 'fails' | 'not reached' | 'not needed'

export type JudgedStep = { step: StepName; number: number; outcome: StepOutcome; findings: Finding[] }

export type Verdict = {
  profile: ClientProfile
  steps: JudgedStep[]
  /** Where it stops; undefined when nothing seen here stops it. */
  failed: JudgedStep | undefined
  /** The failure follows from the specification, not from what is known of this client. */
  likely: boolean
  /** What it will ask for at the authorization endpoint. */
  asks: { scope?: string | undefined; resource?: string | undefined; redirect_uri: string }
}

export function judge(profile: ClientProfile, walk: Walk, trial?: Trial): Verdict {
  const journey: Journey = { profile, walk, trial }
  const steps: JudgedStep[] = []
  let failed: JudgedStep | undefined
  for (const [index, [step, take]] of STEPS.entries()) {
    const findings = failed || journey.is_open ? [] : take(journey)
    const skipped = failed ? 'not reached' : 'not needed'
    const is_skipped = failed !== undefined || (journey.is_open === true && step !== 'challenge')
    const judged = {
      step,
      number: index + 1,
      outcome: is_skipped ? skipped : outcomeOf(findings),
      findings,
    } as const
    steps.push(judged)
    if (judged.outcome === 'fails') failed = judged
  }
  const resource = journey.resource_metadata?.resource
  return {
    profile,
    steps,
    failed,
    likely: failed?.findings.every((finding) => !finding.fails || finding.likely === true) ?? false,
    asks: {
      scope: journey.scope,
      resource: typeof resource === 'string' ? resource : undefined,
      redirect_uri: profile.redirect_uri,
    },
  }
}

/** What this client knows once discovery is done: enough to try to register. */
export function discoverAs(profile: ClientProfile, walk: Walk): Journey {
  const journey: Journey = { profile, walk }
  for (const [name, take] of STEPS) {
    if (name === 'registration' || journey.is_open) break
    if (take(journey).some((finding) => finding.fails)) return { profile, walk }
  }
  return journey
}

function outcomeOf(findings: readonly Finding[]): StepOutcome {
  if (findings.some((finding) => finding.fails)) return 'fails'
  return findings.length > 0 ? 'warns' : 'ok'
}
