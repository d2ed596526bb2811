import type { AuditRow } from '../../src/audit-chain/hash-chain.ts'
import { contentBytes } from '../../src/audit-chain/row-bytes.ts'

const LENGTH = Buffer.from([0, 0, 0, 32])

/** A row as Postgres sends it in a binary COPY. */
export function tupleOf(row: AuditRow): Buffer {
  const content = contentBytes(row)
  return Buffer.concat([Buffer.from([0, 19]), content, LENGTH, row.prev_hash, LENGTH, row.hash])
}
