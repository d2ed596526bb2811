import {
  Client,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { ClientMemory, orPerson, type RealClient, Recorder } from './client-memory.ts'

class Memory extends ClientMemory<StoredOAuthClientInformation, StoredOAuthTokens> {
  #discovered: OAuthDiscoveryState | undefined

  saveDiscoveryState(state: OAuthDiscoveryState) {
    this.#discovered = state
  }
  discoveryState() {
    return this.#discovered
  }
}

/** A client on `@modelcontextprotocol/client`; `auto` speaks 2026-07-28 where the server does, `legacy` never. */
export function v2Client(mcp_url: string, mode: 'auto' | 'legacy'): RealClient {
  const memory = new Memory()
  const recorder = new Recorder()
  const options = { authProvider: memory, fetch: recorder.fetch }
  const newClient = () => new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const newTransport = () => new StreamableHTTPClientTransport(new URL(mcp_url), options)
  let client = newClient()
  let transport = newTransport()

  return {
    memory,
    exchanges: recorder.exchanges,
    get protocol_version() {
      return client.getNegotiatedProtocolVersion()
    },
    connect() {
      client = newClient()
      transport = newTransport()
      const stream_answered = recorder.next(`GET ${new URL(mcp_url).pathname}`)
      return orPerson(UnauthorizedError, async () => {
        await client.connect(transport)
        // On an older revision the SDK asks for a stream of notifications in the background; nothing may
        // overtake that in a test.
        if (mode === 'legacy') await stream_answered
        return 'connected' as const
      })
    },
    async tools() {
      return (await client.listTools()).tools.map(({ name }) => name).sort()
    },
    call(name, args = {}) {
      return orPerson(UnauthorizedError, async () => {
        const { content } = await client.callTool({ name, arguments: args })
        return (content as { text?: string }[])[0]?.text ?? ''
      })
    },
    finish: (callback) => transport.finishAuth(callback.searchParams),
    close: () => client.close(),
  }
}
