import { randomUUID } from 'node:crypto'
import type { OutcomeReport } from '../../../src/guard/reports/call-report.ts'

/** Reports of calls that went well, each with an id of its own. */
export function reports(count: number): OutcomeReport[] {
  return Array.from({ length: count }, () => ({
    type: 'tool.completed',
    id: randomUUID(),
    occurred_at_ms: 1,
    request_id: randomUUID(),
    sub: 'ada',
    client_id: 'c',
    method: 'tools/call',
    name: 'get_note',
    outcome: 'ok',
    duration_ms: 1,
    size_bytes: 2,
  }))
}

export function ids(list: readonly { id: string }[]): string[] {
  return list.map(({ id }) => id)
}
