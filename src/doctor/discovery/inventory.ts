/** Discovery: what an MCP server offers, proposed as a part of a catalogue or held against one. */
import {
  Client,
  StreamableHTTPClientTransport,
  type Tool,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { AppError } from '../../base/errors.ts'
import { terminalText } from '../crawl/display-text.ts'

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
  /** Names. */
  prompts: string[]
  /** URIs, and what a catalogue can say of templates: `notes://{id}` as `notes://*`. */
  resources: string[]
}

/** No server for people has more; one that goes on for ever is hostile or broken. */
const PAGES_MAX = 100

/**
 * Connects as an MCP client and lists tools, prompts and resources. Calls, gets and reads none.
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
    const offers = { server: { name, version }, protocol_version: client.getNegotiatedProtocolVersion() }
    return { ...offers, ...(await listOffers(client, { timeout: timeout_ms })) }
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

type Waiting = { timeout: number }

async function listOffers(client: Client, waiting: Waiting) {
  const { prompts, resources } = client.getServerCapabilities() ?? {}
  const tools = await everyPage(async (page) => {
    const { tools, nextCursor } = await client.listTools(page, waiting)
    return { items: tools.map(offeredTool), nextCursor }
  })
  return {
    tools: [...new Map(tools.map((tool) => [tool.name, tool])).values()].sort(byName),
    prompts: prompts ? await listPrompts(client, waiting) : [],
    resources: resources ? await listResources(client, waiting) : [],
  }
}

function offeredTool({ name, title, description, annotations = {} }: Tool): OfferedTool {
  const { readOnlyHint: read_only, destructiveHint: destructive } = annotations
  return { name, title: title ?? annotations.title, description, read_only, destructive }
}

async function listPrompts(client: Client, waiting: Waiting): Promise<string[]> {
  const names = await everyPage(async (page) => {
    const { prompts, nextCursor } = await client.listPrompts(page, waiting)
    return { items: prompts.map(({ name }) => name), nextCursor }
  })
  return [...new Set(names)].sort()
}

async function listResources(client: Client, waiting: Waiting): Promise<string[]> {
  const exact = await everyPage(async (page) => {
    const { resources, nextCursor } = await client.listResources(page, waiting)
    return { items: resources.map(({ uri }) => uri), nextCursor }
  })
  const templates = await everyPage(async (page) => {
    const { resourceTemplates, nextCursor } = await client.listResourceTemplates(page, waiting)
    return { items: resourceTemplates.map(({ uriTemplate }) => uriTemplate), nextCursor }
  })
  const wide = widest(templates.map((template) => template.replace(/\{.*$/s, '*')))
  return widest([...wide, ...exact])
}

/** Without those that another covers, and those twice. */
function widest(patterns: readonly string[]): string[] {
  const wildcards = patterns.filter((pattern) => pattern.endsWith('*'))
  const isWithin = (pattern: string) =>
    wildcards.some((wide) => wide !== pattern && pattern.startsWith(wide.slice(0, -1)))
  return [...new Set(patterns.filter((pattern) => !isWithin(pattern)))].sort()
}

type Page<Item> = { items: Item[]; nextCursor?: string | undefined }

async function everyPage<Item>(ask: (page: { cursor?: string }) => Promise<Page<Item>>): Promise<Item[]> {
  const found: Item[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const { items, nextCursor } = await ask(cursor === undefined ? {} : { cursor })
    found.push(...items)
    if (nextCursor === undefined) return found
    cursor = nextCursor
  }
  throw new AppError('unavailable', `The list did not end after ${PAGES_MAX} pages`)
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
        'token allows, so better ask the server without its guard: by its own port, or over stdio with --stdio',
    )
  return new AppError(
    'unavailable',
    `${where} does not answer as an MCP server: ${reasonOf(error)}. Check ` +
      ('command' in place
        ? 'that the program starts by itself, and speaks MCP over stdio'
        : 'that the server runs there, and that the URL has the path of its MCP endpoint'),
    { cause: error },
  )
}

const REASON_CHARS_MAX = 500

/** With its causes, since "fetch failed" alone says nothing. The server wrote some of it: no control characters. */
function reasonOf(error: unknown): string {
  const reasons: string[] = []
  for (let at = error; at instanceof Error && reasons.length < 5; at = causeOf(at))
    if (at.message !== '' && !reasons.some((reason) => reason.includes((at as Error).message)))
      reasons.push(at.message)
  const text = terminalText(reasons.join(': '))
  return text.slice(0, REASON_CHARS_MAX).replace(/[:.\s]+$/, '') || 'unknown failure'
}

/** The SDK has the failure of its probe in `data.cause`. */
function causeOf(error: Error): unknown {
  if (error.cause !== undefined) return error.cause
  const { data } = error as { data?: { cause?: unknown } | null }
  return data?.cause
}
