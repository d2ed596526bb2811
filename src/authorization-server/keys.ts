import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { z } from 'zod'
import { parseJson } from '../base/json.ts'
import { usableKeys } from '../clients/keys/key-set.ts'
import { ConfigError } from '../config/config.ts'
import { secretFile } from '../config/secret-file.ts'

/** Random bytes in base64url or hex, as `toolgate keys create` makes them: a sentence or a row of one letter is guessed. */
const secret = z
  .string()
  .regex(/^[\w-]{32,512}$/)
  .refine((text) => new Set(text).size >= 10)

/** A private key whose signatures clients can verify and nobody can forge (RFC 8725 §3.1, §3.2). */
const signingKey = z
  .looseObject({ kty: z.string(), kid: z.string().min(1), alg: z.string() })
  .refine(({ kid, alg, use, ...members }) => {
    try {
      const key = createPublicKey(createPrivateKey({ key: members, format: 'jwk' }))
      return usableKeys({ keys: [{ ...key.export({ format: 'jwk' }), kid, alg, use }] })?.length === 1
    } catch {
      return false
    }
  })

/** Keys of one installation, shared by all its instances: token signing, cookies, form protection. */
const Keys = z.strictObject({
  jwks: z.strictObject({ keys: z.array(signingKey).min(1) }),
  cookies: z.array(secret).min(1),
  forms: secret,
})

export type Keys = { jwks: { keys: JWK[] }; cookies: string[]; forms: string }

export async function generateKeys(): Promise<Keys> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = {
    ...(await exportJWK(privateKey)),
    use: 'sig',
    alg: 'RS256',
    kid: randomBytes(8).toString('hex'),
  }
  const random = () => randomBytes(32).toString('base64url')
  return { jwks: { keys: [jwk] }, cookies: [random()], forms: random() }
}

/** Parses the JSON text of `toolgate keys create`. Throws ConfigError with the reason, never with the content. */
export function parseKeys(text: string): Keys {
  const value = parseJson(text)
  if (value === undefined)
    throw new ConfigError(['TOOLGATE_KEYS is not JSON; make keys with: toolgate keys create'])
  const parsed = Keys.safeParse(value)
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ')
    throw new ConfigError([`TOOLGATE_KEYS is not what toolgate keys create makes; look at: ${places}`])
  }
  return parsed.data as unknown as Keys
}

/** Keys from the configuration, else from the data directory, where they are made on first use. */
export async function loadKeys(options: { keys: string | undefined; data_dir: string }): Promise<Keys> {
  const made = async () => JSON.stringify(await generateKeys())
  return parseKeys(options.keys ?? (await secretFile(join(options.data_dir, 'keys.json'), made)))
}
