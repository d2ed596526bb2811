import { base64url } from './base64url.ts'
import type { ClientAuthentication } from './server-settings.ts'
import { algorithmOf, type PrivateKey } from './signing-algorithm.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** As long as Toolgate allows; the rest is for clocks that differ, and for the way. */
const LIFETIME_SECONDS = 300
const USED_FOR_SECONDS = 200

/** private_key_jwt (RFC 7523 §2.2): one assertion serves for some minutes. */
export function byPrivateKey(
  { client_id, issuer }: { client_id: string; issuer: string },
  private_key: PrivateKey,
): ClientAuthentication {
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
