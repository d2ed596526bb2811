import type { Ground } from './client-profile.ts'
import { plainText, plainUrl } from './plain-text.ts'
import type { Exchange } from './probe/exchange.ts'

/** What the doctor finds. The same mistake seen by several clients is the same value, so that it is said once. */
export type Problem = {
  /** Its name for programs. */
  mistake: string
  /** What is wrong, as one sentence. */
  says: string
  /** What to change, as one sentence. */
  mend: string
  evidence: Evidence
}

export type Evidence = { method: string; url: string; status?: number; seen?: string }

/** `fails`: this client stops here. Otherwise it goes on, and may do worse later. */
export type Finding = {
  problem: Problem
  fails: boolean
  /** It follows from what clients should do, not from what is known of this one. */
  likely?: true
}

export function fails(problem: Problem): Finding {
  return { problem, fails: true }
}

export function warns(problem: Problem): Finding {
  return { problem, fails: false }
}

/** Where something was seen, and the value itself. */
export function evidenceOf(exchange: Exchange, seen?: unknown): Evidence {
  return {
    method: exchange.method,
    url: plainUrl(exchange.url),
    ...(exchange.outcome === 'answered' ? { status: exchange.status } : {}),
    ...(seen === undefined ? {} : { seen: plainText(seen) }),
  }
}

/** A failure by a rule of which it is not known that this client keeps it is only likely. */
export function byRule({ ground }: { ground: Ground }, problem: Problem): Finding {
  return ground === 'assumed' ? { problem, fails: true, likely: true } : fails(problem)
}

/** `--active`: to register as the client would, to ask for its sign-in page, and to take the registration back. */
export type Trial = {
  registration: Finding[]
  authorize: Finding[]
  /** What was registered and could not be taken back. */
  left_behind?: { client: string; client_id: string }
}
