import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

export type SigningKey = { private_key: JWK; jwks: { keys: JWK[] } }

/** A new key for ES256: the private half for the resource server, the public half to be registered here. */
export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const public_key = await exportJWK(publicKey)
  const names = { kid: await calculateJwkThumbprint(public_key), alg: 'ES256', use: 'sig' }
  return {
    private_key: { ...(await exportJWK(privateKey)), ...names },
    jwks: { keys: [{ ...public_key, ...names }] },
  }
}
