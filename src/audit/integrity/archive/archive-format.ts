import { z } from 'zod'
import { HEX_HASH } from '../../../audit-chain/row-bytes.ts'
import { AppError } from '../../../base/errors.ts'
import { parseJson } from '../../../base/json.ts'
import { chainRunSchema } from '../verification/chain-runs.ts'
import type { Statement } from './evidence.ts'

/** Pure: what is in the files of an archive. Byte for byte in docs/audit-archive.md. */
export const ARCHIVE_FORMAT = 'toolgate-audit-archive/1'

export const ROWS_ENDING = '.jsonl.gz'
export const MANIFEST_ENDING = '.manifest.json'
export const SIGNATURE_ENDING = '.manifest.jws'

/** Names of files in an archive: nothing that leads out of it. */
const BASE_NAME = /^audit_events_\d{4,}_\d{2}(\.\d+)?$/

const manifestSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  partition: z.string().regex(/^audit_events_\d{4,}_\d{2}$/),
  part: z.int().min(1),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  rows: z.int().min(0),
  file: z.string().endsWith(ROWS_ENDING),
  file_bytes: z.int().min(0),
  file_sha256: z.string().regex(HEX_HASH),
  content_sha256: z.string().regex(HEX_HASH),
  runs: z.array(chainRunSchema),
  checkpoint: z.string().nullable(),
  created_at: z.iso.datetime(),
})

/** What a month's file holds: which rows, which ends of chains, which bytes. */
export type Manifest = z.output<typeof manifestSchema>

/** `audit_events_2026_01`; the second time that a month is archived, `audit_events_2026_01.2`. */
export function baseName(partition: string, part: number): string {
  const name = part === 1 ? partition : `${partition}.${part}`
  if (!BASE_NAME.test(name))
    throw new AppError('invalid_input', `${JSON.stringify(partition)} is not a month of the audit log`)
  return name
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(z.encode(manifestSchema, manifest), null, 1)}\n`
}

/** Reads a manifest; undefined for anything that is not one. */
export function readManifest(text: string): Manifest | undefined {
  return manifestSchema.safeParse(parseJson(text)).data
}

/** What is signed: the digest of the manifest, with what it is about. */
export function manifestStatement({ format, partition, part, rows }: Manifest, sha256: Buffer): Statement {
  return { format, partition, part, rows, sha256: sha256.toString('hex') }
}
