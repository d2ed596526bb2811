import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Exchange } from '../probe/exchange.ts'
import { initializeRequest } from '../probe/mcp-session.ts'

const MAX_BODY_CHARS = 1024 * 1024
const TIMEOUT_MS = 10_000

/** `initialize` under a Host header of another name, which `fetch` does not let one send. */
export function requestWithHost(url: string, host: string, timeout_ms = TIMEOUT_MS): Promise<Exchange> {
  const begun_ms = performance.now()
  const asked = () => ({ method: 'POST', url, duration_ms: Math.round(performance.now() - begun_ms) })
  const failed = (reason: string): Exchange => ({ outcome: 'failed', ...asked(), kind: 'other', reason })
  const send = url.startsWith('https:') ? secureRequest : plainRequest
  const headers = {
    host,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeout_ms)
    const outgoing = send(url, { method: 'POST', headers, signal }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_BODY_CHARS) incoming.destroy(new Error('the answer is too large'))
      })
      incoming.once('error', () => resolve(failed('the answer broke off')))
      incoming.once('end', () => {
        const status = incoming.statusCode ?? 0
        resolve({ outcome: 'answered', ...asked(), status, headers: new Headers(), text, json: undefined })
      })
    })
    outgoing.once('error', () => resolve(failed('the request failed')))
    outgoing.end(JSON.stringify(initializeRequest()))
  })
}
