import type { Caller } from './callers-store.ts'

function sumOf(one: Caller, other: Caller) {
  return {
    calls: one.calls + other.calls,
    denied: one.denied + other.denied,
    reported: one.reported + other.reported,
  }
}

/** Two pages of callers, of which `older` is of the calls before: each caller once, with the counts of both. */
export function joinCallers(
  newer: { callers: Caller[] },
  older: { callers: Caller[]; counted_from?: Date | undefined },
): { callers: Caller[]; counted_from?: Date | undefined } {
  const keyOf = ({ account_id, client_id }: Caller) => JSON.stringify([account_id, client_id])
  const found = new Map(newer.callers.map((caller) => [keyOf(caller), caller]))
  for (const caller of older.callers) {
    const known = found.get(keyOf(caller))
    found.set(keyOf(caller), known ? { ...known, ...sumOf(known, caller) } : caller)
  }
  const { counted_from } = older
  return { callers: [...found.values()], ...(counted_from && { counted_from }) }
}
