import { Readable } from 'node:stream'
import type { Knex } from 'knex'
import type { Context } from 'koa'
import { type ExportFormat, exportEvents } from '../../audit/export/export.ts'
import type { AuditFilter } from '../../audit/query/audit-filter.ts'
import { AppError } from '../../base/errors.ts'
import { type Leave, PeriodicCheck } from './periodic-check.ts'

/** What matches of the audit log as a file, oldest first, however much it is: read only as fast as it is taken. */
export type ExportStream = { db: Knex; format: ExportFormat; filter: AuditFilter } & Leave

/** Each keeps a connection to the database busy. */
const EXPORTS_MAX = 3

const MEDIA_TYPES: Record<ExportFormat, { type: string; extension: string }> = {
  jsonl: { type: 'application/jsonl; charset=utf-8', extension: 'jsonl' },
  csv: { type: 'text/csv; charset=utf-8; header=present', extension: 'csv' },
  ocsf: { type: 'application/jsonl; charset=utf-8', extension: 'ocsf.jsonl' },
  syslog: { type: 'text/plain; charset=utf-8', extension: 'log' },
}

let under_way = 0

async function* texts({ db, format, filter, ...leave }: ExportStream): AsyncGenerator<string> {
  const check = new PeriodicCheck(leave)
  for await (const { text } of exportEvents(db, format, filter)) {
    // An end in order would say that this was all.
    if (!(await check.passes())) throw new AppError('forbidden', 'Whoever asked may not read on')
    yield text
  }
}

/**
 * Answers with a file to keep. Ends with the connection; where it cannot go on it breaks the connection off, so that
 * nobody takes a part for the whole. Throws `unavailable` while as many as may be are under way.
 */
export function sendExport(ctx: Context, stream: ExportStream): void {
  if (under_way >= EXPORTS_MAX)
    throw new AppError('unavailable', 'The audit log is being exported already. Try again later.')
  // Gone while it was found out who asks: nothing would ever say so again.
  if (ctx.res.closed) return
  under_way += 1
  ctx.res.once('close', () => {
    under_way -= 1
  })
  const { type, extension } = MEDIA_TYPES[stream.format]
  const body = Readable.from(texts(stream), { objectMode: true, highWaterMark: 1 })
  body.on('error', () => ctx.res.destroy())
  ctx.set('Content-Type', type)
  ctx.set('Content-Disposition', `attachment; filename="toolgate-audit.${extension}"`)
  ctx.set('Cache-Control', 'no-store')
  ctx.body = body
}
