import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where the browser comes back to (RFC 8252 §7.3): a loopback address of this machine. */
export type RedirectListener = {
  redirect_uri: string
  /** The parameters that the browser brings; undefined when no one came in time. */
  nextRedirect(timeout_ms: number): Promise<URLSearchParams | undefined>
  close(): Promise<void>
}

const PAGE =
  '<!doctype html><title>Toolgate review</title><p>The review goes on. You can close this page.</p>'

export async function listenForRedirect(): Promise<RedirectListener> {
  const redirects = new EventEmitter<{ redirect: [URLSearchParams] }>()
  const http = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const is_callback = pathname === '/callback'
    response.writeHead(is_callback ? 200 : 404, { 'content-type': 'text/html', connection: 'close' })
    response.end(is_callback ? PAGE : '')
    if (is_callback) redirects.emit('redirect', searchParams)
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const { port } = http.address() as AddressInfo
  return {
    redirect_uri: `http://127.0.0.1:${port}/callback`,
    async nextRedirect(timeout_ms) {
      const come = once(redirects, 'redirect', { signal: AbortSignal.timeout(timeout_ms) })
      const [parameters] = await come.catch(() => [])
      return parameters
    },
    async close() {
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}
