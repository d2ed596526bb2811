import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Adds a token to every request on its way to `url`, for programs that cannot be given one. Changes nothing else. */
export async function forwardWithToken(url: string, token: string) {
  const { port, pathname } = new URL(url)
  const http = createServer((asked, response) => {
    const headers = { ...asked.headers, authorization: `Bearer ${token}` }
    const onward = request({ host: '127.0.0.1', port, method: asked.method, path: asked.url, headers })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    // Whoever stops listening to a stream stops it at the server too.
    response.on('close', () => onward.destroy())
    asked.pipe(onward)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(http.address() as AddressInfo).port}${pathname}`,
    close: async () => {
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}
