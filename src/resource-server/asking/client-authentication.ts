import type { ServerSettings } from '../guard-options.ts'

/** How the guard proves to the authorization server which resource server it is: by a secret, or by a private key. */
export type ClientAuthentication = {
  /** What goes into the next request. */
  proof(): Promise<{ headers: Record<string, string>; parameters: Record<string, string> }>
  /** Forgets a proof that was refused, so that the next one is made anew. */
  refused(): void
}

/** A private key as JWK (RFC 7517): EC P-256, OKP Ed25519, or RSA, where `alg` may say PS256. */
export type PrivateKey = { kty?: string; crv?: string; d?: string; kid?: string; alg?: string } & Record<
  string,
  unknown
>

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** As long as Toolgate allows; the rest is for clocks that differ, and for the way. */
const LIFETIME_SECONDS = 300
const USED_FOR_SECONDS = 200

export function createClientAuthentication(settings: ServerSettings): ClientAuthentication {
  const { client_id, client_secret, private_key } = settings
  if (private_key) return byPrivateKey(settings, private_key)
  // RFC 6749 §2.3.1: id and secret are form-urlencoded before they become Basic credentials.
  const authorization = `Basic ${btoa(`${formEncode(client_id)}:${formEncode(client_secret ?? '')}`)}`
  return { proof: async () => ({ headers: { authorization }, parameters: {} }), refused() {} }
}

function byPrivateKey({ client_id, issuer }: ServerSettings, private_key: PrivateKey): ClientAuthentication {
  const signer = importSigner(private_key)
  // Awaited at every use; here it must not end the process.
  signer.catch(() => {})
  let current: { assertion: Promise<string>; until_seconds: number } | undefined
  return {
    async proof() {
      const now_seconds = Math.floor(Date.now() / 1000)
      // A clock that was set back counts as a new time.
      if (
        !current ||
        now_seconds >= current.until_seconds ||
        now_seconds < current.until_seconds - USED_FOR_SECONDS
      ) {
        const claims = { iss: client_id, sub: client_id, aud: issuer, iat: now_seconds }
        const unique = { exp: now_seconds + LIFETIME_SECONDS, jti: crypto.randomUUID() }
        const assertion = signer.then((sign) => sign({ ...claims, ...unique }))
        current = { assertion, until_seconds: now_seconds + USED_FOR_SECONDS }
      }
      const client_assertion = await current.assertion
      return { headers: {}, parameters: { client_assertion_type: ASSERTION_TYPE, client_assertion } }
    },
    refused() {
      current = undefined
    },
  }
}

/** With the parameters of Web Cryptography: to read the key, and to sign. */
type Algorithm = {
  alg: string
  imported: { name: string; namedCurve: string } | { name: string; hash: string } | { name: string }
  signed: { name: string; hash: string } | { name: string; saltLength: number } | { name: string }
}

const EC: Algorithm = {
  alg: 'ES256',
  imported: { name: 'ECDSA', namedCurve: 'P-256' },
  signed: { name: 'ECDSA', hash: 'SHA-256' },
}
const ED25519: Algorithm = { alg: 'EdDSA', imported: { name: 'Ed25519' }, signed: { name: 'Ed25519' } }
const RSA: Algorithm = {
  alg: 'RS256',
  imported: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  signed: { name: 'RSASSA-PKCS1-v1_5' },
}
const RSA_PSS: Algorithm = {
  alg: 'PS256',
  imported: { name: 'RSA-PSS', hash: 'SHA-256' },
  signed: { name: 'RSA-PSS', saltLength: 32 },
}

/** The algorithm that a private key signs with; undefined when it is none that Toolgate accepts. */
export function algorithmOf({ kty, crv, alg, d }: PrivateKey): Algorithm | undefined {
  if (typeof d !== 'string') return undefined
  if (kty === 'EC' && crv === 'P-256') return EC
  if (kty === 'OKP' && crv === 'Ed25519') return ED25519
  if (kty === 'RSA') return alg === 'PS256' ? RSA_PSS : RSA
  return undefined
}

type Sign = (claims: Record<string, string | number>) => Promise<string>

async function importSigner(private_key: PrivateKey): Promise<Sign> {
  const algorithm = algorithmOf(private_key)
  if (!algorithm) throw new Error('The private key is of a kind that cannot sign here')
  // Members that say what a key is for differ between those who make keys; this one is for signing.
  const { use: _, key_ops: __, alg: ___, ext: ____, kid, ...members } = private_key
  const key = await crypto.subtle.importKey('jwk', members, algorithm.imported, false, ['sign']).catch(() => {
    // Without the cause, which may quote the key.
    throw new Error('The private key cannot be read')
  })
  const header = encode(
    JSON.stringify({ alg: algorithm.alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) }),
  )
  return async (claims) => {
    const signed = `${header}.${encode(JSON.stringify(claims))}`
    const signature = await crypto.subtle.sign(algorithm.signed, key, new TextEncoder().encode(signed))
    return `${signed}.${base64url(new Uint8Array(signature))}`
  }
}

function encode(text: string): string {
  return base64url(new TextEncoder().encode(text))
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1)
}
