import type { IncomingMessage } from 'node:http'
import { badMessage, Refusal } from './refusal.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Far above any real message, far below where a recursive reader behind the guard overflows its stack. */
const MAX_DEPTH = 128

/**
 * Reads the JSON body of a request.
 * @throws Refusal 413 above 4 MiB, 400 when it is not JSON or nested too deeply
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request)
  try {
    const body: unknown = JSON.parse(text)
    if (depthOf(text) <= MAX_DEPTH) return body
  } catch {
    throw badMessage('parse_error', 'The body is not JSON')
  }
  throw badMessage('invalid_request', `The body is nested more than ${MAX_DEPTH} levels deep`)
}

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received_bytes = 0
    request.on('data', (chunk: Buffer) => {
      received_bytes += chunk.length
      // The rest still flows, unread, so that the client gets to see the answer.
      if (received_bytes > MAX_BODY_BYTES) reject(tooLarge())
      else chunks.push(chunk)
    })
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.once('error', () => reject(badMessage('parse_error', 'The body is incomplete')))
    request.once('close', () => reject(badMessage('parse_error', 'The body is incomplete')))
  })
}

function tooLarge(): Refusal {
  return new Refusal(
    413,
    { connection: 'close' },
    { error: 'payload_too_large', error_description: `The body is larger than ${MAX_BODY_BYTES} bytes` },
  )
}

/** Depth of valid JSON. Counted on the text, because walking the value would recurse. */
function depthOf(json: string): number {
  let deepest = 0
  let depth = 0
  let in_string = false
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === '"') in_string = !in_string
    else if (in_string && char === '\\') at++
    else if (!in_string && (char === '[' || char === '{')) deepest = Math.max(deepest, ++depth)
    else if (!in_string && (char === ']' || char === '}')) depth--
  }
  return deepest
}
