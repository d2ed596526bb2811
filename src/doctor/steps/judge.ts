import type { ClientProfile } from '../clients/client-facts.ts'
import type { Crawl } from '../crawl/http-cache.ts'
import type { ClientFinding, ClientState, RegistrationProbe, Step } from './client-state.ts'
import { authorize, registration, token } from './endpoints.ts'
import { challenge, reach, retry } from './mcp-server.ts'
import { resourceMetadata } from './resource-metadata.ts'
import { serverMetadata } from './server-metadata.ts'

/** The rules of one client, step by step from a URL to a response with a token: pure, over what the crawl collected. */
const STEPS = {
  reach,
  challenge,
  'resource metadata': resourceMetadata,
  'server metadata': serverMetadata,
  registration,
  authorization: authorize,
  token,
  retry,
} satisfies Record<string, Step>

type StepName = keyof typeof STEPS

const STEP_NAMES = Object.keys(STEPS) as StepName[]
export const STEP_COUNT = STEP_NAMES.length

export type StepOutcome = 'ok' | 'warns' | 'fails' | 'not reached' | 'not needed'

export type JudgedStep = { step: StepName; number: number; outcome: StepOutcome; findings: ClientFinding[] }

export type Verdict = {
  profile: ClientProfile
  steps: JudgedStep[]
  /** Where it stops; undefined when nothing seen here stops it. */
  failed: JudgedStep | undefined
  /** The failure follows from the specification, not from what is known of this client. */
  likely: boolean
  /** What it knows at the end. */
  state: ClientState
}

export function judge(profile: ClientProfile, crawl: Crawl, probe?: RegistrationProbe): Verdict {
  const state: ClientState = { profile, crawl, probe }
  const steps: JudgedStep[] = []
  let failed: JudgedStep | undefined
  for (const [index, step] of STEP_NAMES.entries()) {
    const skipped = failed ? 'not reached' : state.is_open ? 'not needed' : undefined
    const findings = skipped ? [] : [STEPS[step](state)].flat().filter((found) => found !== undefined)
    const judged = { step, number: index + 1, outcome: skipped ?? outcomeOf(findings), findings }
    steps.push(judged)
    if (judged.outcome === 'fails') failed = judged
  }
  const likely = failed?.findings.every(({ effect }) => effect !== 'stops') ?? false
  return { profile, steps, failed, likely, state }
}

/** It found its authorization server: it may go on to register there. */
export function hasDiscovered({ failed, state }: Verdict): boolean {
  const before = failed === undefined || failed.number > STEP_NAMES.indexOf('server metadata') + 1
  return before && state.server_metadata !== undefined
}

function outcomeOf(findings: readonly ClientFinding[]): StepOutcome {
  if (findings.some(({ effect }) => effect !== 'warns')) return 'fails'
  return findings.length > 0 ? 'warns' : 'ok'
}
