import type { Knex } from 'knex'
import { AppError } from '../../../base/errors.ts'
import { timeOfRow } from '../../query/search-path-store.ts'
import { acceptedGaps, isInGaps } from '../restore/gap.ts'
import { headAfterRuns, isInRuns } from '../verification/chain-runs.ts'
import { withFaults } from '../verification/chain-verifier.ts'
import { type Verification, type VerifyOptions, verifyChains } from '../verification/verify.ts'
import { closingFaults, closingSignatureFaults, closingsOf, runsOfClosings } from './closing.ts'
import { namedClosings, readClosings } from './closing-store.ts'
import type { Evidence } from './evidence.ts'

/**
 * Verifies the log of an installation, of which retention may have dropped months: every chain may lack exactly the
 * rows that closings name, and the closings must be those that the log names. With `check_signature` their
 * signatures too. Rows that a restored backup lost, as an operator accepted in the log itself, are told as `explained_gaps`.
 */
export async function verifyLog(
  db: Knex,
  options: Omit<VerifyOptions, 'pass_over' | 'has_left'> & {
    check_signature?: Evidence['check_signature'] | undefined
  } = {},
): Promise<Verification> {
  const { check_signature, ...rest } = options
  const closings = await readClosings(db)
  const known = runsOfClosings(closingsOf(closings))
  const gaps = await acceptedGaps(db)
  const chains = await verifyChains(db, {
    ...rest,
    pass_over: (head) => headAfterRuns(known, head),
    has_left: (row) => isInRuns(known, row) || isInGaps(gaps, row),
  })
  const found = closingFaults(closings, await namedClosings(db))
  if (check_signature) found.push(...(await closingSignatureFaults(closings, check_signature)))
  const result = { ...withFaults(chains, found), ...(gaps.length > 0 && { explained_gaps: gaps }) }
  // A month that was dropped while its rows were read would seem to be missing.
  const is_outdated = result.fault_count > 0 && (await readClosings(db)).length > closings.length
  return is_outdated ? verifyLog(db, options) : result
}

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
