import type { AuditFilter } from '../../../audit/query/audit-filter.ts'

/** For the browser's own field of a time, which has no offset: all times here are UTC. */
export function timeField(time: Date | undefined): string {
  return time ? time.toISOString().slice(0, 23) : ''
}

type Parameters = AuditFilter & { after?: string | undefined; format?: string; limit?: number }

/** `?name=value…` of what is given. */
export function queryText(parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[name, value instanceof Date ? value.toISOString() : String(value)] as [string, string]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
