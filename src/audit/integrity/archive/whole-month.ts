import type { Knex } from 'knex'
import type { AuditRow } from '../../../audit-chain/hash-chain.ts'
import { AppError } from '../../../base/errors.ts'
import type { MonthVerifier } from '../verification/month-verifier.ts'
import { readPartition } from './partition-store.ts'

/**
 * The rows of a month, page by page, each checked before it is given. Throws `conflict` at the end when they are not whole:
 * what is made of them would only look like evidence.
 */
export async function* readWhole(
  trx: Knex.Transaction,
  name: string,
  verifier: MonthVerifier,
): AsyncGenerator<AuditRow[]> {
  for await (const page of readPartition(trx, name)) {
    for (const row of page) verifier.feedRow(row)
    yield page
  }
  const [fault] = verifier.faults
  if (fault)
    throw new AppError(
      'conflict',
      `${name} is not whole (writer ${fault.writer_id}: ${fault.message}), so it is left as it is; \`toolgate audit verify\` says more`,
    )
}
