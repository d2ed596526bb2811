import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { eachText } from '../../../audit-chain/event-fields.ts'
import { type ChainHead, contentDigest, linkHash } from '../../../audit-chain/hash-chain.ts'
import { type ChainedRow, CONTENT_COLUMNS } from '../../../audit-chain/row-bytes.ts'
import { witnessOf } from '../../../audit-chain/witness.ts'
import { AppError } from '../../../base/errors.ts'
import { parseJson } from '../../../base/json.ts'
import { auditDetailSchema } from '../../events/audit-event.ts'
import { base64urlHash, exactTime, hexHash, lowerUuid, rowNumber } from '../verification/chain-codecs.ts'
import { type Checkpoint, type ExpectedKey, readCheckpoint } from './checkpoint.ts'

/**
 * Pure: a proof that one event was in the log when a checkpoint was signed. It leads from the event through the
 * content digests of the rows after it to a row that the checkpoint names; where its chain ended before any
 * checkpoint, through the row of a later chain that names its end. It discloses the event, and those naming rows.
 */
export type ProofSegment = {
  row: ChainedRow
  prev_hash: Buffer
  /** Content digests of the rows after `row`, up to the one that the next segment or the checkpoint names. */
  digests: Buffer[]
}

export type Proof = { segments: ProofSegment[]; checkpoint: string }

/** Of content digests in one proof: about 5 MB. */
export const PROOF_DIGESTS_MAX = 100_000
/** Of rows that name the end of a chain, in one proof. */
export const PROOF_SEGMENTS_MAX = 1_000

const wellFormed = z.string().refine((text) => text.isWellFormed(), 'must be well-formed')
const textOrNull = wellFormed.nullable()

/** In the order of the hash. */
const Row = z.strictObject({
  occurred_at: exactTime,
  writer_id: lowerUuid,
  seq: rowNumber,
  id: lowerUuid,
  type: wellFormed,
  actor_kind: wellFormed,
  actor_id: textOrNull,
  ...eachText(textOrNull),
  detail: auditDetailSchema.nullable(),
})
const ProofFile = z.strictObject({
  toolgate_audit_proof: z.literal(1),
  segments: z
    .array(
      z.strictObject({
        row: Row,
        prev_hash: hexHash,
        digests: z.array(base64urlHash).max(PROOF_DIGESTS_MAX),
      }),
    )
    .min(1)
    .max(PROOF_SEGMENTS_MAX),
  checkpoint: z.string(),
})

/** Without the links that a row of the log also has. */
function contentOf(row: ChainedRow): z.output<typeof Row> {
  return Object.fromEntries(CONTENT_COLUMNS.map((column) => [column, row[column]])) as z.output<typeof Row>
}

/** The text of a proof file. */
export function writeProof({ segments, checkpoint }: Proof): string {
  const shown = segments.map((segment) => ({ ...segment, row: contentOf(segment.row) }))
  const file = z.encode(ProofFile, { toolgate_audit_proof: 1, segments: shown, checkpoint })
  return `${JSON.stringify(file, null, 2)}\n`
}

export type ProvenEvent = { event: ChainedRow; hash: Buffer; checkpoint: Checkpoint }

/**
 * Checks a proof file, without a database. Answers what it proves, given that the key that signed the checkpoint
 * is the log's. Throws `invalid_input` that names what is wrong.
 */
export async function checkProof(bytes: Uint8Array, expected: ExpectedKey = {}): Promise<ProvenEvent> {
  const { segments, checkpoint: jws } = readProof(bytes)
  const ends = segments.map(endOfSegment)
  for (const [index, { row }] of segments.entries()) {
    const before = ends[index - 1]
    if (before) assertNames(row, before)
  }
  const checkpoint = await readCheckpoint(jws, expected)
  const last = ends.at(-1)
  const head = checkpoint.heads.find(({ writer_id }) => writer_id === last?.writer_id)
  const [first] = segments
  if (!first || !last || !head) throw refused('its checkpoint does not name the chain that it leads to')
  if (head.seq !== last.seq)
    throw refused(
      `it leads to row ${last.seq} of writer ${last.writer_id}; its checkpoint names row ${head.seq}`,
    )
  if (!head.hash.equals(last.hash))
    throw refused(
      `the event, or a digest after it, is not what led to row ${last.seq} of writer ${last.writer_id}`,
    )
  return { event: first.row, hash: linkHash(contentDigest(first.row), first.prev_hash), checkpoint }
}

function endOfSegment({ row, prev_hash, digests }: ProofSegment): ChainHead {
  const hash = [contentDigest(row), ...digests].reduce((prev, digest) => linkHash(digest, prev), prev_hash)
  return { writer_id: row.writer_id, seq: row.seq + digests.length, hash }
}

function assertNames(row: ChainedRow, { writer_id, seq, hash }: ChainHead): void {
  const named = witnessOf(row)
  const place = `row ${row.seq} of writer ${row.writer_id}`
  if (named?.writer_id !== writer_id || named.seq !== seq)
    throw refused(`${place} does not name row ${seq} of writer ${writer_id}`)
  if (named.hash !== hash.toString('hex'))
    throw refused(`${place} names another row ${seq} of writer ${writer_id} than the one that it leads to`)
}

function readProof(bytes: Uint8Array): Proof {
  const text = Buffer.from(bytes).toString()
  const value = isUtf8(bytes) ? parseJson(text) : undefined
  if (value === undefined) throw refused('it is not JSON in UTF-8')
  // What a reader sees must be what is checked: no name twice, nothing hidden in spelling or space.
  const spellings = [JSON.stringify(value, null, 2), JSON.stringify(value)]
  if (!spellings.some((spelling) => text === spelling || text === `${spelling}\n`))
    throw refused('it is not JSON as JSON.stringify writes it, compact or with two spaces')
  const result = ProofFile.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    throw refused(`${issue?.path.join('.') || 'the whole'}: ${issue?.message}`)
  }
  return result.data
}

function refused(reason: string): AppError {
  return new AppError('invalid_input', `The proof is not good: ${reason}`)
}
