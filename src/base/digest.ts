import { hash } from 'node:crypto'

/**
 * SHA-256: the name of a document, a key or a file; and all that is kept of a secret of 256 random bits, for which one
 * round is enough.
 */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}
