import { join } from 'node:path'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { z } from 'zod'
import { parseJson } from '../../../base/json.ts'
import { ConfigError } from '../../../config/config.ts'
import { secretFile } from '../../../config/secret-file.ts'

/** The key that signs checkpoints. It signs nothing else, so that whoever may issue tokens may not speak for the log. */
export type CheckpointKey = {
  private_key: CryptoKey
  /** As checkpoints carry it: the required members only. */
  public_key: JWK
  /** RFC 7638, SHA-256, base64url: the name by which a reader pins the key. */
  thumbprint: string
}

const ALG = 'ES256'
const PrivateKey = z.looseObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
})

/** A new private key as the JSON text of a JWK, for TOOLGATE_AUDIT_KEY. */
export async function generateCheckpointKey(): Promise<string> {
  const { privateKey } = await generateKeyPair(ALG, { extractable: true })
  return JSON.stringify({ ...(await exportJWK(privateKey)), use: 'sig', alg: ALG })
}

/** Reads the text of a private JWK. Throws ConfigError with the reason, never with the content. */
export async function parseCheckpointKey(text: string): Promise<CheckpointKey> {
  try {
    const { kty, crv, x, y, d } = PrivateKey.parse(parseJson(text))
    const private_key = await importJWK({ kty, crv, x, y, d }, ALG)
    if (private_key instanceof Uint8Array) throw new TypeError('a symmetric key')
    const public_key = { kty, crv, x, y }
    return { private_key, public_key, thumbprint: await calculateJwkThumbprint(public_key, 'sha256') }
  } catch {
    throw new ConfigError(['TOOLGATE_AUDIT_KEY is not what toolgate audit key create makes'])
  }
}

/** The key from the configuration, else from the data directory, where it is made on first use. */
export async function loadCheckpointKey({
  audit_key,
  data_dir,
}: {
  audit_key: string | undefined
  data_dir: string
}): Promise<CheckpointKey> {
  const text = audit_key ?? (await secretFile(join(data_dir, 'audit-key.json'), generateCheckpointKey))
  return parseCheckpointKey(text)
}
