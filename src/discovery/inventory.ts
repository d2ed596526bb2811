/** Discovery: what an MCP server offers, proposed as a part of a catalogue or held against one. */
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { AppError } from '../errors.ts'

/** Where the server is: at a URL, or a program that speaks over stdio. */
export type Place = { url: string; token?: string | undefined } | { command: string; args: string[] }

/** A tool as its server describes it. The hints are the server's own word; undefined where it says nothing. */
export type OfferedTool = {
  name: string
  title?: string | undefined
  description?: string | undefined
  read_only?: boolean | undefined
  destructive?: boolean | undefined
}

export type Inventory = {
  server: { name: string; version: string }
  protocol_version: string | undefined
  tools: OfferedTool[]
}

/** No server for people has more; one that goes on for ever is hostile or broken. */
const PAGES_MAX = 100

/**
 * Connects as an MCP client and lists the tools. Calls none.
 * @param timeout_ms for each request
 * @throws AppError `unauthenticated` when the server wants a token, `unavailable` when it can't be talked to
 */
export async function takeInventory(place: Place, timeout_ms: number): Promise<Inventory> {
  const client = new Client(
    { name: 'toolgate-discovery', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  try {
    await client.connect(transportTo(place), { timeout: timeout_ms })
    const { name = 'unnamed', version = '' } = client.getServerVersion() ?? {}
    return {
      server: { name, version },
      protocol_version: client.getNegotiatedProtocolVersion(),
      tools: await listAll(client, timeout_ms),
    }
  } catch (error) {
    throw explained(error, place)
  } finally {
    await client.close().catch(() => undefined)
  }
}

function transportTo(place: Place) {
  if ('command' in place)
    return new StdioClientTransport({ command: place.command, args: place.args, stderr: 'inherit' })
  const headers = place.token === undefined ? {} : { authorization: `Bearer ${place.token}` }
  return new StreamableHTTPClientTransport(new URL(place.url), { requestInit: { headers } })
}

async function listAll(client: Client, timeout_ms: number): Promise<OfferedTool[]> {
  const found = new Map<string, OfferedTool>()
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const { tools, nextCursor } = await client.listTools(cursor === undefined ? {} : { cursor }, {
      timeout: timeout_ms,
    })
    for (const { name, title, description, annotations } of tools) {
      const { readOnlyHint: read_only, destructiveHint: destructive } = annotations ?? {}
      found.set(name, { name, title: title ?? annotations?.title, description, read_only, destructive })
    }
    if (nextCursor === undefined) return [...found.values()].sort(byName)
    cursor = nextCursor
  }
  throw new AppError('unavailable', `The list of tools did not end after ${PAGES_MAX} pages`)
}

function byName(one: OfferedTool, other: OfferedTool): number {
  return one.name < other.name ? -1 : 1
}

function explained(error: unknown, place: Place): AppError {
  if (error instanceof AppError) return error
  const where = 'command' in place ? place.command : place.url
  if (error instanceof UnauthorizedError || / 401\b|Unauthorized/i.test(String(error)))
    return new AppError(
      'unauthenticated',
      `${where} wants a token: name a file that holds one with --token-file. A guard shows only the tools that a ` +
        'token opens, so better ask the server without its guard: by its own port, or over stdio with --stdio',
    )
  const reason = error instanceof Error ? error.message : 'unknown failure'
  return new AppError('unavailable', `${where} does not answer as an MCP server: ${reason}`, { cause: error })
}
