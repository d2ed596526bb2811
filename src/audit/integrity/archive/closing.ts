import { z } from 'zod'
import { HEX_HASH } from '../../../audit-chain/row-bytes.ts'
import { sha256 } from '../../../base/digest.ts'
import { parseJson } from '../../../base/json.ts'
import { type ChainRun, chainRunSchema, type KnownRuns, knownRuns } from '../verification/chain-runs.ts'
import type { ChainFault } from '../verification/chain-verifier.ts'
import type { Evidence, Statement } from './evidence.ts'

/**
 * Pure: the closing of a month, which is what stays of it when retention drops it. It names the ends of every chain
 * in that month and the closing before it, and an event in the log names the closing. So the newest event vouches for
 * all of them. Byte for byte in docs/audit-archive.md.
 */
export const CLOSING_FORMAT = 'toolgate-audit-closing/1'

const SHA256_HEX = z.string().regex(HEX_HASH)

const closingSchema = z.strictObject({
  format: z.literal(CLOSING_FORMAT),
  number: z.int().min(1),
  previous_sha256: SHA256_HEX.nullable(),
  partition: z.string(),
  part: z.int().min(1),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  rows: z.int().min(0),
  runs: z.array(chainRunSchema),
  archive_sha256: SHA256_HEX.nullable(),
  closed_at: z.iso.datetime(),
})

export type Closing = z.output<typeof closingSchema>

/** A closing as it is kept: the text that its digest covers, and a JWS over the digest. */
export type StoredClosing = { number: number; document: string; sha256: Buffer; jws: string }

/** The text of a closing: JSON in the order of the schema, without white space. */
export function closingText(closing: Closing): string {
  return JSON.stringify(z.encode(closingSchema, closing))
}

/** What is signed: the statement, and the digest of the text with the details. */
export function closingStatement(closing: Closing, digest: Buffer): Statement {
  const { format, number, partition, part, from, to, rows, closed_at } = closing
  return { format, number, partition, part, from, to, rows, sha256: digest.toString('hex'), closed_at }
}

/** Reads a stored closing; undefined when it is not one, or not what its digest says. */
function readClosing({ number, document, sha256: digest }: StoredClosing): Closing | undefined {
  if (!sha256(document).equals(digest)) return undefined
  const closing = closingSchema.safeParse(parseJson(document)).data
  return closing?.number === number ? closing : undefined
}

/** All stored closings that can be read. */
export function closingsOf(stored: readonly StoredClosing[]): Closing[] {
  return stored.map(readClosing).filter((closing) => closing !== undefined)
}

/** From closings, what verification may go on from: the runs of rows that were dropped. */
export function runsOfClosings(closings: readonly Closing[]): KnownRuns {
  return knownRuns(closings.flatMap(({ runs }): ChainRun[] => runs))
}

/**
 * What is wrong with the closings themselves, oldest first. `named` are the digests (hex) that events of the log
 * name: the newest closing must be among them, every other one must be named by the closing after it.
 */
export function closingFaults(stored: readonly StoredClosing[], named: ReadonlySet<string>): ChainFault[] {
  const faults: ChainFault[] = []
  const report = (number: number, message: string) => faults.push(unproven(number, message))
  let previous: { number: number; sha256: string } | undefined
  for (const row of stored) {
    const { number } = row
    const closing = readClosing(row)
    if (number !== (previous?.number ?? 0) + 1) report(number, 'does not follow from the one before')
    else if (!closing) report(number, 'is not what its digest says')
    else if (closing.previous_sha256 !== (previous?.sha256 ?? null))
      report(number, 'names another closing before it')
    previous = { number, sha256: row.sha256.toString('hex') }
  }
  if (previous && !named.has(previous.sha256)) report(previous.number, 'is named by no event of the log')
  return faults
}

/** Closings whose signature is not genuine or is that of another closing. */
export async function closingSignatureFaults(
  stored: readonly StoredClosing[],
  check_signature: Evidence['check_signature'],
): Promise<ChainFault[]> {
  const faults: ChainFault[] = []
  for (const { number, sha256, jws } of stored) {
    const signed = await check_signature(jws).catch(() => undefined)
    if (signed?.statement.sha256 !== sha256.toString('hex'))
      faults.push(unproven(number, 'has a wrong signature'))
  }
  return faults
}

function unproven(number: number, message: string): ChainFault {
  return {
    writer_id: 'audit_closings',
    seq: number,
    kind: 'unproven_closing',
    message: `closing ${number} ${message}`,
  }
}
