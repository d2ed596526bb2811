/** Everything that operators can do, each once. A file here is one subject. */
import type { Action } from '../action.ts'
import { ACCOUNT_ACTIONS } from './accounts.ts'
import { AUDIT_ACTIONS } from './audit.ts'
import { GRANT_ACTIONS } from './grants.ts'

export const ACTIONS: readonly Action[] = [
  ...GRANT_ACTIONS,
  ...ACCOUNT_ACTIONS,
  ...AUDIT_ACTIONS,
] as unknown as readonly Action[]
