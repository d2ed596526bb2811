const KEPT_MAX = 1_000

let kept = new Map<string, Record<string, string>>()

/**
 * The detail of an audit event, one frozen object for all events that say the same: few resource servers ask about few
 * scopes, and the audit log writes down what is frozen once. Members are always given in the same order.
 */
export function sharedDetail<Members extends Record<string, string>>(members: Members): Members {
  // A form holds no NUL, so no two details share a key.
  const key = Object.values(members).join('\0')
  const known = kept.get(key)
  if (known) return known as Members
  if (kept.size >= KEPT_MAX) kept = new Map()
  const detail = Object.freeze({ ...members })
  kept.set(key, detail)
  return detail
}
