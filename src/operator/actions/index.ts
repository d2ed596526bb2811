/** Everything that operators can do, each once. A file here is one subject. */
import type { Action } from '../action.ts'
import { AUDIT_ACTIONS } from './audit.ts'
import { GRANT_ACTIONS } from './grants.ts'
import { PERSONAL_TOKEN_ACTIONS } from './personal-tokens.ts'

export const ACTIONS: readonly Action[] = [
  ...GRANT_ACTIONS,
  ...AUDIT_ACTIONS,
  ...PERSONAL_TOKEN_ACTIONS,
] as unknown as readonly Action[]
