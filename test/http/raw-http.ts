import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

export type RawServer = {
  port: number
  /** Writes the bytes as they are and gives back all that the server sent until it closed the connection. */
  send(...chunks: (string | Buffer)[]): Promise<string>
  close(): Promise<void>
}

/** A server that can be asked what no HTTP client would send. Requests should carry `Connection: close`. */
export async function serveRaw(listener: RequestListener): Promise<RawServer> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async send(...chunks) {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.setEncoding('utf8').on('data', (text) => {
        answer += text
      })
      socket.on('error', () => {})
      for (const chunk of chunks) socket.write(chunk)
      await once(socket, 'close')
      return answer
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
