import type { IncomingMessage } from 'node:http'
import { isLong, MAX_BODY_BYTES, type Prove, tooLarge, UNPROVEN_BYTES } from '../guarded-request.ts'
import { readJson, requireShallow } from '../json-text.ts'
import { badMessage } from '../refusal.ts'

/**
 * What the body of a request says.
 * @param prove resolves for whoever has a live token; awaited before more than 64 KB are read
 * @param parsed what a body parser made of it, which counts only where one has read it: some leave an empty object
 *   beside a body that they do not read
 * @throws Refusal 413 above 4 MiB; 400 when the body breaks off, is no JSON in UTF-8, or is gone; what `prove` throws
 */
export async function readNodeBody(
  request: IncomingMessage,
  prove: Prove,
  parsed: () => unknown = () => undefined,
): Promise<unknown> {
  if (isLong(request.headers['content-length'])) await prove()
  return request.readableDidRead ? readParsed(parsed()) : readJson(await readNodeText(request, prove))
}

/** Parsers of bodies leave a value, or the text, or the bytes. What is handed on is what is decided about. */
function readParsed(parsed: unknown): unknown {
  if (parsed === undefined)
    throw badMessage('parse_error', 'The body was read before it came to the guard, and not kept')
  if (typeof parsed === 'string') return readJson(parsed)
  if (parsed instanceof Uint8Array) return readJson(decode(parsed))
  requireShallow(parsed)
  return parsed
}

function readNodeText(request: IncomingMessage, prove: Prove): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received_bytes = 0
    let is_proven = false
    const breakOff = () => reject(badMessage('parse_error', 'The body is incomplete'))
    if (request.destroyed) return breakOff()
    request.on('data', (chunk: Buffer) => {
      received_bytes += chunk.length
      // The rest still flows, unread, so that the client gets to see the answer.
      if (received_bytes > MAX_BODY_BYTES) return reject(tooLarge())
      chunks.push(chunk)
      if (received_bytes <= UNPROVEN_BYTES || is_proven) return
      is_proven = true
      request.pause()
      // What a stranger sends on stays where it is.
      prove().then(() => request.resume(), reject)
    })
    request.once('end', () => {
      try {
        resolve(decode(Buffer.concat(chunks)))
      } catch (error) {
        reject(error)
      }
    })
    request.once('error', breakOff)
    request.once('close', breakOff)
  })
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw badMessage('parse_error', 'The body is not UTF-8')
  }
}
