import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

/** Clients of the official SDKs that come with a token, as one has it from `/account/tokens`, or with none. */
export type CallOutcome = { text: string; isError: boolean }

export type TokenClient = {
  list(): Promise<string[]>
  /** Rejects when the call is refused. */
  call(name: string, args?: Record<string, unknown>): Promise<CallOutcome>
  /** Of a session transport. */
  session(): string | undefined
  /** Ends the session, where there is one. */
  terminate(): Promise<void>
  close(): Promise<void>
}

export type ConnectWithToken = (url: string, token?: string) => Promise<TokenClient>

export const TOKEN_CLIENTS: [name: string, connect: ConnectWithToken][] = [
  ['the 2026 client', (url, token) => connectModern(url, token, 'auto')],
  ['the 2026 client on an older revision', (url, token) => connectModern(url, token, 'legacy')],
  ['the 2025 client', connectLegacy],
]

async function connectModern(url: string, token: string | undefined, mode: 'auto' | 'legacy') {
  const client = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const transport = new ModernTransport(new URL(url), transportOptions(token))
  await client.connect(transport)
  return tokenClient(client, transport)
}

async function connectLegacy(url: string, token?: string) {
  const client = new LegacyClient({ name: 'test', version: '1' })
  const transport = new LegacyTransport(new URL(url), transportOptions(token))
  // Members that may be undefined here may only be absent in the SDK's own interface.
  await client.connect(transport as Parameters<LegacyClient['connect']>[0])
  return tokenClient(client, transport)
}

type SdkClient = {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
  close(): Promise<void>
}

type SdkTransport = { sessionId?: string | undefined; terminateSession(): Promise<void> }

function tokenClient(client: SdkClient, transport: SdkTransport): TokenClient {
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => outcomeOf(await client.callTool({ name, arguments: args })),
    session: () => transport.sessionId,
    terminate: () => transport.terminateSession(),
    close: () => client.close(),
  }
}

function outcomeOf(result: unknown): CallOutcome {
  const { content, isError = false } = result as { content: { text: string }[]; isError?: boolean }
  return { text: content[0]?.text ?? '', isError }
}

function transportOptions(token: string | undefined) {
  return { requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } } }
}
