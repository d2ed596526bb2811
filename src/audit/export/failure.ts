import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { definitionOf } from '../events/audit-event.ts'

/** Whether something was refused or went wrong; undefined where all was well. */
export function failureOf({ type, decision, detail }: AuditRow): 'failed' | 'severe' | undefined {
  const failure = definitionOf(type)?.failure
  const found = typeof failure === 'function' ? failure((detail ?? {}) as never) : failure
  return found ?? (decision === 'denied' || decision === 'inactive' ? 'failed' : undefined)
}
