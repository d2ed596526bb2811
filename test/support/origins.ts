import type { ActionOrigin } from '../../src/audit/log/action-origin.ts'

/** Who did what tests prepare; nothing depends on who it was. */
export const TEST = { actor: { kind: 'cli', id: 'test@machine' } } as const satisfies ActionOrigin

/** An account, as it is an actor. */
export const by = (account_id: string): { actor: { kind: 'account'; id: string } } => ({
  actor: { kind: 'account', id: account_id },
})
