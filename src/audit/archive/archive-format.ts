import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { AuditRow } from '../../evidence/hash-chain.ts'
import { CONTENT_COLUMNS } from '../../evidence/row-bytes.ts'
import { chainRunSchema, runAsJson } from '../verification/chain-runs.ts'
import type { Statement } from './evidence.ts'

/** Pure: what is in the files of an archive. Byte for byte in docs/audit-archive.md. */
export const ARCHIVE_FORMAT = 'toolgate-audit-archive/1'

export const ROWS_ENDING = '.jsonl.gz'
export const MANIFEST_ENDING = '.manifest.json'
export const SIGNATURE_ENDING = '.manifest.jws'

const HEX_HASH = /^[0-9a-f]{64}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Names of files in an archive: nothing that leads out of it. */
const BASE_NAME = /^audit_events_\d{4,}_\d{2}(\.\d+)?$/

export const manifestSchema = z.strictObject({
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
  const { format, partition, part, from, to, rows, file, file_bytes, file_sha256, content_sha256 } = manifest
  const head = { format, partition, part, from, to, rows, file, file_bytes, file_sha256, content_sha256 }
  const runs = manifest.runs.map(runAsJson)
  return `${JSON.stringify({ ...head, runs, checkpoint: manifest.checkpoint, created_at: manifest.created_at }, null, 1)}\n`
}

/** Reads a manifest; undefined for anything that is not one. */
export function readManifest(text: string): Manifest | undefined {
  try {
    return manifestSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** What is signed: the digest of the manifest, with what it is about. */
export function manifestStatement({ format, partition, part, rows }: Manifest, sha256: Buffer): Statement {
  return { format, partition, part, rows, sha256: sha256.toString('hex') }
}

/** A row as one line, without its end: all columns in the order of the table, hashes in hex. */
export function rowLine(row: AuditRow): string {
  const content = Object.fromEntries(CONTENT_COLUMNS.map((column) => [column, row[column]]))
  return JSON.stringify({
    ...content,
    prev_hash: row.prev_hash.toString('hex'),
    hash: row.hash.toString('hex'),
  })
}

/**
 * Reads a line; undefined for anything that is not one. By hand and not by a schema, because there are millions; and the
 * detail is looked at, not copied: a copy would lose a key named __proto__, and with it what the hash covers.
 */
export function readRowLine(line: string): AuditRow | undefined {
  const value = parsed(line)
  if (!isObject(value) || !hasColumns(value)) return undefined
  const { occurred_at, prev_hash, hash } = value
  const at = new Date(typeof occurred_at === 'string' ? occurred_at : Number.NaN)
  // One row has one line, so the time must be written as it is written here.
  const is_row =
    !Number.isNaN(at.getTime()) &&
    at.toISOString() === occurred_at &&
    matches(UUID, value.writer_id) &&
    matches(UUID, value.id) &&
    Number.isSafeInteger(value.seq) &&
    (value.seq as number) > 0 &&
    typeof value.type === 'string' &&
    typeof value.actor === 'string' &&
    OPTIONAL_TEXTS.every((column) => value[column] === null || typeof value[column] === 'string') &&
    (value.detail === null || isDetail(value.detail)) &&
    matches(HEX_HASH, prev_hash) &&
    matches(HEX_HASH, hash)
  if (!is_row) return undefined
  value.occurred_at = at
  value.prev_hash = Buffer.from(prev_hash as string, 'hex')
  value.hash = Buffer.from(hash as string, 'hex')
  return value as AuditRow
}

const COLUMNS = [...CONTENT_COLUMNS, 'prev_hash', 'hash']
/** From account_id to ip. */
const OPTIONAL_TEXTS = CONTENT_COLUMNS.slice(6, -1)

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** All columns of the table and no others, in its order. */
function hasColumns(value: Record<string, unknown>): boolean {
  const names = Object.keys(value)
  return names.length === COLUMNS.length && names.every((name, index) => name === COLUMNS[index])
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function isDetail(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.values(value).every((item) => (Array.isArray(item) ? item.every(isScalar) : isScalar(item)))
  )
}

function isScalar(value: unknown): boolean {
  return (
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
  )
}
