import type { Decision, Guard } from '../guard.ts'
import { messageRequest, type SdkExtra, type SdkMessage } from './message-request.ts'

/** Decides about one message. Never rejects. */
export type Decide = (message: SdkMessage, extra: SdkExtra | undefined) => Promise<Decision>

/** Decides once about each message, however often it is asked about: each decision is recorded. */
export function createDecide(guard: Guard, own_token: string | undefined): Decide {
  const decided = new WeakMap<SdkMessage, Promise<Decision>>()
  return (message, extra) => {
    const known = decided.get(message)
    if (known) return known
    const decision = guard.decide(messageRequest(message, extra, own_token)).catch((error) => {
      guard.settings.on_error(error instanceof Error ? error : new Error('The decision failed'))
      return FAILED
    })
    decided.set(message, decision)
    return decision
  }
}

const FAILED: Decision = {
  outcome: 'refused',
  status: 500,
  headers: {},
  body: { error: { code: -32603, message: 'Internal error' } },
}
