import type { Knex } from 'knex'
import { AppError } from '../../../base/errors.ts'
import { timeOfRow } from '../../query/search-path-store.ts'
import type { Verification } from '../verification/verify.ts'
import { verifyLog } from './verify-log.ts'

/** What was checked; `cut_short`: of the period that was asked for only until `to`. */
export type PeriodVerification = Verification & { from: Date; to: Date; cut_short: boolean }

/** Some seconds of one core, so that whoever asks can wait for the answer. */
const ROWS_MAX = 500_000

let is_under_way = false

/**
 * Verifies the rows of a period while a server runs, as `verifyLog` does: at most about 500,000 from its beginning, and
 * one period at a time. Throws `unavailable` while another one is verified, and `invalid_input` for no period.
 */
export async function verifyPeriod(
  db: Knex,
  { from, to }: { from: Date; to: Date },
  rows_max = ROWS_MAX,
): Promise<PeriodVerification> {
  if (from >= to) throw new AppError('invalid_input', 'The period ends before it begins')
  if (is_under_way)
    throw new AppError('unavailable', 'The audit log is being verified already. Try again in a few seconds.')
  is_under_way = true
  try {
    const edge = await timeOfRow(db, { from, to }, rows_max)
    const end = edge && new Date(edge.getTime() + 1)
    const checked = { from, to: end && end < to ? end : to }
    const result = await verifyLog(db, checked)
    return { ...result, ...checked, cut_short: checked.to < to }
  } finally {
    is_under_way = false
  }
}
