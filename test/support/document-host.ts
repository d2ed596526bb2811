import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { DocumentNetwork } from '../../src/clients/documents/document-fetch.ts'
import { selfSigned } from './certificate.ts'
import { REDIRECT_URI } from './toolgate.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A document as a client publishes it. */
export function documentOf(client_id: string, members: Record<string, unknown> = {}) {
  return { client_id, client_name: 'Documented', redirect_uris: [REDIRECT_URI], ...members }
}

export function json(value: unknown, headers: Record<string, string> = {}): Answer {
  return (_, response) =>
    void response
      .writeHead(200, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(value))
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_, response) => void response.writeHead(code, headers).end()
}

/** Ways in which a host of documents can be of no use; each answers like a document where it answers at all. */
export function misbehaviours(client_id: string): Record<string, Answer> {
  const good = documentOf(client_id)
  return {
    'is cut off': (request) => void request.socket.destroy(),
    'never answers': () => undefined,
    'never ends its answer': (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    'is forbidden to us': status(403),
    'is overloaded': status(429),
    'is broken': status(500),
    'is away': status(503),
    'is about another client': json({ ...good, client_id: `${client_id}x` }),
    'has 6 KB': json({ ...good, filling: 'x'.repeat(6 * 1024) }),
    redirects: status(302, { location: client_id }),
    'is a page': (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end('<title>moved</title>'),
    'is no JSON': (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"client_id":'),
    'has a secret': json({ ...good, client_secret: 'secret' }),
    'wants a shared secret': json({ ...good, token_endpoint_auth_method: 'client_secret_basic' }),
    'is gone': status(404),
  }
}

const HOST = 'app.documents.example'

/** A web server of a client, with TLS, in a network of its own that knows no other server. */
export class DocumentHost {
  /** What it answers now, whatever the path. */
  answer: Answer = status(404)
  /** Of each request, in order. */
  readonly requests: { path: string; headers: IncomingHttpHeaders }[] = []
  connections = 0
  /** What the name server of this network says; every question is counted. */
  addresses: string[] = ['127.0.0.1']
  lookups = 0
  readonly network: DocumentNetwork
  readonly #server: Server

  private constructor(server: Server, cert: string) {
    this.#server = server
    this.network = {
      resolve: async () => {
        this.lookups += 1
        return this.addresses
      },
      permits: (address) => address === '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      timeout_ms: 5_000,
      ca: cert,
    }
    server.on('connection', () => {
      this.connections += 1
    })
    server.on('request', (request, response) => {
      this.requests.push({ path: request.url ?? '', headers: request.headers })
      this.answer(request, response)
    })
  }

  static async start(names: string[] = []): Promise<DocumentHost> {
    const { cert, key } = selfSigned([HOST, '*.documents.example', ...names])
    const server = createServer({ cert, key })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new DocumentHost(server, cert)
  }

  url(path = '/client.json', host = HOST): string {
    return `https://${host}${path}`
  }

  /** Publishes a document at `path` and nothing else anywhere; gives its URL. */
  publish(
    path = '/client.json',
    members: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): string {
    const client_id = this.url(path)
    this.answer = json(documentOf(client_id, members), headers)
    return client_id
  }

  /** The same network, with a part of it changed. */
  networkWith(change: Partial<DocumentNetwork>): DocumentNetwork {
    return { ...this.network, ...change }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
