import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What becomes of what a client sent: it goes through; it and the connection are lost; it arrives and the
 * connection is lost before its answer.
 */
export type Fate = 'pass' | 'lost' | 'answer lost'

/** A wire to Postgres that tests can cut at a chosen statement: certain, where a delay would be a guess. */
export class PostgresProxy {
  readonly url: string
  /** Asked for everything that any client sends. */
  decide: (sent: string) => Fate = () => 'pass'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(url: string, server: Server) {
    this.url = url
    this.#server = server
  }

  static async start(target_url: string): Promise<PostgresProxy> {
    const target = new URL(target_url)
    const server = createServer((client) => proxy.#join(client, target))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = new URL(target_url)
    url.hostname = '127.0.0.1'
    url.port = String((server.address() as AddressInfo).port)
    const proxy: PostgresProxy = new PostgresProxy(url.href, server)
    return proxy
  }

  /** Cuts the connection at the next statement that contains `text`, once. Answers whether it came to that. */
  cutAt(text: string, fate: Exclude<Fate, 'pass'>): { happened: boolean } {
    const cut = { happened: false }
    this.decide = (sent) => {
      if (cut.happened || !sent.includes(text)) return 'pass'
      cut.happened = true
      return fate
    }
    return cut
  }

  #join(client: Socket, target: URL): void {
    const upstream = connect(Number(target.port), target.hostname)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    let is_answer_lost = false
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    client.on('data', (data) => {
      const fate = this.decide(data.toString('latin1'))
      if (fate === 'lost') return end()
      if (fate === 'answer lost') is_answer_lost = true
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (is_answer_lost) end()
      else client.write(data)
    })
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
