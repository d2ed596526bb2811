import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import type { AuditFilter } from '../query/audit-filter.ts'
import { scanEvents } from '../query/audit-store.ts'
import { CSV_HEADER, csvLine } from './csv.ts'
import { jsonLine } from './json-lines.ts'
import { ocsfLine } from './ocsf.ts'
import { syslogLine } from './syslog.ts'

/** The log for other systems: each event is one line, whatever it holds. */
export const EXPORT_FORMATS = ['jsonl', 'csv', 'ocsf', 'syslog'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

const LINES: Record<ExportFormat, { header: string; line: (event: AuditRow) => string }> = {
  jsonl: { header: '', line: jsonLine },
  csv: { header: CSV_HEADER, line: csvLine },
  ocsf: { header: '', line: ocsfLine },
  syslog: { header: '', line: syslogLine },
}

/**
 * What matches, oldest first, as text in pieces of up to 1,000 lines, each read when it is asked for. `rows` counts
 * the events so far. Throws `invalid_input` for dates that are none.
 */
export async function* exportEvents(
  db: Knex,
  format: ExportFormat,
  filter: AuditFilter,
): AsyncGenerator<{ text: string; rows: number }> {
  const { header, line } = LINES[format]
  let rows = 0
  if (header !== '') yield { text: header, rows }
  for await (const page of scanEvents(db, filter)) {
    rows += page.length
    yield { text: page.map(line).join(''), rows }
  }
}
