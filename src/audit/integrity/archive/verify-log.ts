import type { Knex } from 'knex'
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
