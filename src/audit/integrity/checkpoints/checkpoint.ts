/** Checkpoints: signed statements about the heads of all chains, and proofs that rest on them. */

import {
  CompactSign,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
  type JWK,
} from 'jose'
import { z } from 'zod'
import { sha256 } from '../../../base/digest.ts'
import { AppError } from '../../../base/errors.ts'
import { parseJson } from '../../../base/json.ts'
import {
  base64urlHash,
  base64urlText,
  exactTime,
  hexHash,
  lowerUuid,
  rowNumber,
} from '../verification/chain-codecs.ts'
import type { CheckpointKey } from './checkpoint-key.ts'

const CHECKPOINT_TYPE = 'toolgate-audit-checkpoint+jwt'
const ALG = 'ES256'

/**
 * Pure: what a checkpoint says. It is a signed statement that the chains of an installation had these last rows at
 * this time (JWS, RFC 7515, compact, ES256). Whoever keeps one outside the database can show later that something
 * is gone. Chains that ended are named by rows of later chains, so that the heads of few chains bind all of them.
 */
const Payload = z.strictObject({
  v: z.literal(1),
  issuer: z.string(),
  created_at: exactTime,
  heads: z.array(z.strictObject({ writer_id: lowerUuid, seq: rowNumber, hash: hexHash })),
  /** SHA-256 of the checkpoint before this one, as it was signed; undefined for the first. */
  previous: base64urlHash.optional(),
  /** Set when the checkpoint closes a part of the log that is about to leave the table. */
  closes: z.record(z.string(), z.union([z.string(), z.int()])).optional(),
})
const PublicKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: base64urlText,
  y: base64urlText,
})
const Header = z.strictObject({
  alg: z.literal(ALG),
  typ: z.literal(CHECKPOINT_TYPE),
  kid: base64urlText,
  jwk: PublicKey,
})

export type CheckpointPayload = Omit<z.output<typeof Payload>, 'v'>

export type Checkpoint = CheckpointPayload & {
  /** As it was signed. */
  jws: string
  /** SHA-256 of `jws`. */
  digest: Buffer
  /** Of the key that signed it, RFC 7638, and the key itself. Who it belongs to, the reader must know. */
  thumbprint: string
  public_key: JWK
}

/** Whose the signature must be: a JWK or an RFC 7638 thumbprint. Without, the reader judges by the thumbprint. */
export type ExpectedKey = { public_key?: JWK | string | undefined }

/** A checkpoint in its transferable form: one line of ASCII. */
export async function signCheckpoint(key: CheckpointKey, payload: CheckpointPayload): Promise<string> {
  const said = z.encode(Payload, { v: 1, ...payload })
  return new CompactSign(Buffer.from(JSON.stringify(said)))
    .setProtectedHeader({ alg: ALG, typ: CHECKPOINT_TYPE, kid: key.thumbprint, jwk: key.public_key })
    .sign(key.private_key)
}

/**
 * Reads a checkpoint and checks its signature against the key that it carries, which must be `public_key` where that is
 * given. Throws `invalid_input` that says what is wrong.
 */
export async function readCheckpoint(jws: string, { public_key }: ExpectedKey = {}): Promise<Checkpoint> {
  // Each part has one spelling; a decoder would accept others.
  if (!jws.split('.').every((part) => part !== '' && respelled(part) === part))
    throw wrong('it is not a JWS in compact form')
  const header = parsed(Header, () => decodeProtectedHeader(jws), 'its header')
  const thumbprint = await calculateJwkThumbprint(header.jwk, 'sha256')
  if (header.kid !== thumbprint) throw wrong('its kid is not the thumbprint of its key')
  const expected = typeof public_key === 'object' ? await calculateJwkThumbprint(public_key) : public_key
  if (expected !== undefined && expected !== thumbprint)
    throw wrong(`it was signed with the key ${thumbprint}, not with ${expected}`)
  const { v: _, ...said } = parsed(Payload, await verifiedPayload(jws, header.jwk), 'what it says')
  return { ...said, jws, digest: sha256(jws), thumbprint, public_key: header.jwk }
}

async function verifiedPayload(jws: string, jwk: JWK): Promise<() => unknown> {
  const verified = await importJWK(jwk, ALG)
    .then((key) => compactVerify(jws, key, { algorithms: [ALG] }))
    .catch(() => undefined)
  if (!verified) throw wrong('its signature does not fit')
  return () => parseJson(new TextDecoder('utf-8', { fatal: true }).decode(verified.payload))
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
