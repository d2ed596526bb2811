import { connect } from 'node:net'

/** One connection: a request, its whole answer, the next request, until there is none and the last answer has come. */
export type Conversation = {
  next(): Buffer | undefined
  /** Gets head and body, one character for each byte. What it throws ends the conversation. */
  answered(answer: string, latency_ms: number): void
}

/** Rejects when the connection fails or the other side closes it. */
export function converse(port: number, { next, answered }: Conversation): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let pending = ''
    let sent_ms = 0
    const send = () => {
      const request = next()
      if (!request) return socket.end(resolve)
      sent_ms = performance.now()
      socket.write(request)
    }
    socket.setNoDelay(true).on('error', reject).on('connect', send)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1')
      try {
        if (!isWhole(pending)) return
        const answer = pending
        pending = ''
        answered(answer, performance.now() - sent_ms)
        send()
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
  })
}

const HEAD_END = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: (\d+)/i
const CHUNKED = /\r\ntransfer-encoding: chunked/i

function isWhole(text: string): boolean {
  const head_end = text.indexOf(HEAD_END)
  if (head_end < 0) return false
  const length = LENGTH.exec(text)?.[1]
  if (length !== undefined) return text.length >= head_end + HEAD_END.length + Number(length)
  if (CHUNKED.test(text)) return text.endsWith('\r\n0\r\n\r\n')
  throw new Error(`an answer of unknown length: ${text.slice(0, head_end)}`)
}
