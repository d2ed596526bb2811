import type { IncomingMessage } from 'node:http'
import { MAX_BODY_BYTES, tooLarge } from '../guarded-request.ts'
import { badMessage } from '../refusal.ts'

/**
 * Text of the body of a request.
 * @throws Refusal 413 above 4 MiB, 400 when the body breaks off or is not UTF-8
 */
export function readNodeText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received_bytes = 0
    request.on('data', (chunk: Buffer) => {
      received_bytes += chunk.length
      // The rest still flows, unread, so that the client gets to see the answer.
      if (received_bytes > MAX_BODY_BYTES) reject(tooLarge())
      else chunks.push(chunk)
    })
    request.once('end', () => {
      try {
        resolve(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks)))
      } catch {
        reject(badMessage('parse_error', 'The body is not UTF-8'))
      }
    })
    request.once('error', () => reject(badMessage('parse_error', 'The body is incomplete')))
    request.once('close', () => reject(badMessage('parse_error', 'The body is incomplete')))
  })
}
