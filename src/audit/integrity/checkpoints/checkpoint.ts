/** Checkpoints: signed statements about the heads of all chains, and proofs that rest on them. */
import { createHash } from 'node:crypto'
import {
  CompactSign,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
  type JWK,
} from 'jose'
import { z } from 'zod'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { AppError } from '../../../base/errors.ts'
import type { CheckpointKey } from './checkpoint-key.ts'

/**
 * Pure: what a checkpoint says. It is a signed statement that the chains of an installation had these last rows at
 * this time (JWS, RFC 7515, compact, ES256). Whoever keeps one outside the database can show later that something
 * is gone. Chains that ended are named by rows of later chains, so that the heads of few chains bind all of them.
 */
export type CheckpointPayload = {
  issuer: string
  created_at: Date
  heads: readonly ChainHead[]
  /** SHA-256 of the checkpoint before this one, as it was signed; undefined for the first. */
  previous?: Buffer | undefined
  /** Set when the checkpoint closes a part of the log that is about to leave the table. */
  closes?: Record<string, string | number> | undefined
}

export type Checkpoint = CheckpointPayload & {
  /** As it was signed. */
  jws: string
  /** SHA-256 of `jws`. */
  digest: Buffer
  /** Of the key that signed it, RFC 7638, and the key itself. Who it belongs to, the reader must know. */
  thumbprint: string
  public_key: JWK
}

export const CHECKPOINT_TYPE = 'toolgate-audit-checkpoint+jwt'
const ALG = 'ES256'

const base64url = (bytes: number) =>
  z.string().refine((text) => {
    const read = Buffer.from(text, 'base64url')
    // One spelling only: the unused bits of the last character must be zero.
    return read.length === bytes && read.toString('base64url') === text
  }, `must be ${bytes} bytes in base64url`)
export const lowerUuid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
export const hexHash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 32 bytes in hex')
export const rowNumber = z.int().min(1)
export const exactTime = z
  .string()
  .refine((text) => isExactTime(text), 'must be a time like 2026-07-28T09:30:00.125Z')

const Payload = z.strictObject({
  v: z.literal(1),
  issuer: z.string(),
  created_at: exactTime,
  heads: z.array(z.strictObject({ writer_id: lowerUuid, seq: rowNumber, hash: hexHash })),
  previous: base64url(32).optional(),
  closes: z.record(z.string(), z.union([z.string(), z.int()])).optional(),
})
const PublicKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: base64url(32),
  y: base64url(32),
})
const Header = z.strictObject({
  alg: z.literal(ALG),
  typ: z.literal(CHECKPOINT_TYPE),
  kid: base64url(32),
  jwk: PublicKey,
})

function isExactTime(text: string): boolean {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && time.toISOString() === text
}

/** A checkpoint in its transferable form: one line of ASCII. */
export function signCheckpoint(key: CheckpointKey, payload: CheckpointPayload): Promise<string> {
  const { issuer, created_at, heads, previous, closes } = payload
  const said = {
    v: 1,
    issuer,
    created_at: created_at.toISOString(),
    heads: heads.map(({ writer_id, seq, hash }) => ({ writer_id, seq, hash: hash.toString('hex') })),
    ...(previous && { previous: previous.toString('base64url') }),
    ...(closes && { closes }),
  }
  return new CompactSign(Buffer.from(JSON.stringify(said)))
    .setProtectedHeader({ alg: ALG, typ: CHECKPOINT_TYPE, kid: key.thumbprint, jwk: key.public_key })
    .sign(key.private_key)
}

export function checkpointDigest(jws: string): Buffer {
  return createHash('sha256').update(jws).digest()
}

/**
 * Reads a checkpoint and checks its signature against the key that it carries. With `public_key`, a JWK or an RFC
 * 7638 thumbprint, that key must be this one; without, who signed is for the reader to judge by `thumbprint`.
 * Throws `invalid_input` that says what is wrong.
 */
export async function readCheckpoint(
  jws: string,
  options: { public_key?: JWK | string | undefined } = {},
): Promise<Checkpoint> {
  // Each part has one spelling; a decoder would accept others.
  if (!jws.split('.').every((part) => part !== '' && respelled(part) === part))
    throw wrong('it is not a JWS in compact form')
  const header = parsed(Header, () => decodeProtectedHeader(jws), 'its header')
  const thumbprint = await calculateJwkThumbprint(header.jwk, 'sha256')
  if (header.kid !== thumbprint) throw wrong('its kid is not the thumbprint of its key')
  const { public_key } = options
  const expected = typeof public_key === 'object' ? await calculateJwkThumbprint(public_key) : public_key
  if (expected !== undefined && expected !== thumbprint)
    throw wrong(`it was signed with the key ${thumbprint}, not with ${expected}`)
  const payload = parsed(Payload, await verifiedPayload(jws, header.jwk), 'what it says')
  const { issuer, previous, closes } = payload
  return {
    issuer,
    created_at: new Date(payload.created_at),
    heads: payload.heads.map((head) => ({ ...head, hash: Buffer.from(head.hash, 'hex') })),
    ...(previous !== undefined && { previous: Buffer.from(previous, 'base64url') }),
    ...(closes !== undefined && { closes }),
    jws,
    digest: checkpointDigest(jws),
    thumbprint,
    public_key: header.jwk,
  }
}

async function verifiedPayload(jws: string, jwk: JWK): Promise<() => unknown> {
  const verified = await importJWK(jwk, ALG)
    .then((key) => compactVerify(jws, key, { algorithms: [ALG] }))
    .catch(() => undefined)
  if (!verified) throw wrong('its signature does not fit')
  return () => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(verified.payload))
}

function respelled(part: string): string {
  return Buffer.from(part, 'base64url').toString('base64url')
}

function parsed<T>(schema: z.ZodType<T>, read: () => unknown, what: string): T {
  let value: unknown
  try {
    value = read()
  } catch {
    throw wrong(`${what} cannot be read`)
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw wrong(`${what} is none that Toolgate writes: ${issue?.path.join('.')} ${issue?.message}`)
}

function wrong(reason: string): AppError {
  return new AppError('invalid_input', `The checkpoint is not good: ${reason}`)
}
