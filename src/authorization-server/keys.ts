import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { z } from 'zod'
import { parseJson } from '../base/json.ts'
import { ConfigError } from '../config/config.ts'
import { secretFile } from '../config/secret-file.ts'

/** Keys of one installation, shared by all its instances: token signing, cookies, form protection. */
const secret = z.string().min(32)
const Keys = z.strictObject({
  jwks: z.strictObject({
    keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })).min(1),
  }),
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
