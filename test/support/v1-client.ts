import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import { ClientMemory, orPerson, type RealClient, Recorder } from './client-memory.ts'

/** A client on `@modelcontextprotocol/sdk`, the 1.x line. */
export function v1Client(mcp_url: string): RealClient {
  const memory = new ClientMemory<OAuthClientInformationMixed, OAuthTokens>()
  const recorder = new Recorder()
  const options = { authProvider: memory, fetch: recorder.fetch }
  const newClient = () => new Client({ name: 'test', version: '1' })
  const newTransport = () => new StreamableHTTPClientTransport(new URL(mcp_url), options)
  let client = newClient()
  let transport = newTransport()

  async function reconnect(): Promise<void> {
    client = newClient()
    transport = newTransport()
    const stream_answered = recorder.next(`GET ${new URL(mcp_url).pathname}`)
    // Members that may be undefined here may only be absent in the SDK's own interface.
    await client.connect(transport as Parameters<Client['connect']>[0])
    // The SDK asks for a stream of notifications in the background; nothing may overtake that in a test.
    await stream_answered
  }

  async function callOnce(name: string, args: Record<string, unknown>): Promise<string> {
    const { content } = await client.callTool({ name, arguments: args })
    return (content as { text?: string }[])[0]?.text ?? ''
  }

  async function callAsHost(name: string, args: Record<string, unknown>): Promise<string> {
    try {
      return await callOnce(name, args)
    } catch (error) {
      if (!(error instanceof StreamableHTTPError) || error.code !== 403) throw error
      // This SDK answers a 403 by refreshing, which widens no token, and gives up. With the refresh token
      // forgotten it asks the person instead, for the scope that the challenge names.
      memory.stored = memory.stored && { ...memory.stored, refresh_token: undefined }
      await reconnect()
      return callOnce(name, args)
    }
  }

  return {
    memory,
    exchanges: recorder.exchanges,
    get protocol_version() {
      return transport.protocolVersion
    },
    connect: () => orPerson(UnauthorizedError, () => reconnect().then(() => 'connected' as const)),
    async tools() {
      return (await client.listTools()).tools.map(({ name }) => name).sort()
    },
    call: (name, args = {}) => orPerson(UnauthorizedError, () => callAsHost(name, args)),
    finish: (callback) => transport.finishAuth(callback.searchParams.get('code') ?? ''),
    close: () => client.close(),
  }
}
