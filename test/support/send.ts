import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

export type SendInit = {
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams | Buffer
}

/** Like fetch, but any Host header may be sent, and redirects are never followed. */
export function send(url: string, init: SendInit = {}): Promise<Response> {
  const { body } = init
  const form = body instanceof URLSearchParams ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
  const payload = body instanceof URLSearchParams ? body.toString() : body
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { agent, method: init.method ?? 'GET', headers: { ...form, ...init.headers } },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const headers = new Headers()
          for (const [name, values] of Object.entries(incoming.headersDistinct))
            for (const value of values ?? []) headers.append(name, value)
          const status = incoming.statusCode ?? 0
          const content = status === 204 || status === 304 ? null : Buffer.concat(chunks)
          resolve(new Response(content, { status, headers }))
        })
      },
    )
    outgoing.on('error', reject)
    if (payload !== undefined) outgoing.setHeader('content-length', Buffer.byteLength(payload))
    outgoing.end(payload)
  })
}
