import { readFileSync } from 'node:fs'
import { type NotesServer, startNotesServer } from '../../examples/notes-server/server.ts'
import { sha256 } from '../../src/base/digest.ts'
import { NEEDS_PERSON, type RealClient } from './client-memory.ts'
import { freePort } from './free-port.ts'
import { REDIRECT_URI, RESOURCE, Toolgate, type ToolgateOptions } from './toolgate.ts'
import { v1Client } from './v1-client.ts'
import { v2Client } from './v2-client.ts'

/** Toolgate with the example MCP server behind its guard, and real clients to meet them. */
export const REAL_CLIENTS: [name: string, make: (mcp_url: string) => RealClient, protocol_version: string][] =
  [
    ['@modelcontextprotocol/client', (url) => v2Client(url, 'auto'), '2026-07-28'],
    ['@modelcontextprotocol/client on an older revision', (url) => v2Client(url, 'legacy'), '2025-11-25'],
    ['@modelcontextprotocol/sdk', v1Client, '2025-11-25'],
  ]

/** A second resource, for tests of what one resource server may learn about another's tokens. */
export const CALENDAR = 'http://calendar.test/mcp'

export type WithNotes = {
  toolgate: Toolgate
  notes: NotesServer
  /** The MCP URL that people type, which is the RFC 8707 resource. */
  resource: string
  /** Of the notes server. */
  credentials: { client_id: string; client_secret: string }
  close(): Promise<void>
}

/** The example catalogue for the MCP server at `resource`, with a calendar beside it. */
export function catalogueFor(resource: string): string {
  const calendar = `  - resource: ${CALENDAR}
    name: Calendar
    default_scopes: [calendar:read]
    scopes:
      calendar:read: { description: Read your calendar, tools: [list_events] }
`
  return readFileSync('catalogue.yaml', 'utf8')
    .replaceAll(RESOURCE, resource)
    .replace(/^roles:/m, `${calendar}\nroles:\n  planner: { ${CALENDAR}: ['calendar:read'] }`)
}

export async function startWithNotes(options: ToolgateOptions = {}): Promise<WithNotes> {
  const port = await freePort()
  const resource = `http://localhost:${port}/mcp`
  const toolgate = await Toolgate.start({ ...options, catalogue: catalogueFor(resource) })
  const { client_id, client_secret } = await toolgate.resourceServer(resource)
  const credentials = { client_id, client_secret }
  const notes = await startNotesServer({ port, issuer: toolgate.issuer, ...credentials })
  return {
    toolgate,
    notes,
    resource,
    credentials,
    async close() {
      await notes.close()
      await toolgate.close()
    },
  }
}

type Person = ReturnType<Awaited<ReturnType<Toolgate['account']>>['person']>

/** The person follows the SDK's authorization URL, signs in, allows, and the SDK gets what came back. */
export async function letDecide(client: RealClient, person: Person) {
  const { authorization_url } = client.memory
  if (!authorization_url) throw new Error('the SDK asked for no authorization')
  const visit = await person.authorize(authorization_url, REDIRECT_URI)
  await client.finish(visit.callback)
  return visit
}

/** From a bare URL to an open connection. */
export async function connectThrough(client: RealClient, person: Person) {
  if ((await client.connect()) !== NEEDS_PERSON) throw new Error('the client connected without anybody')
  const visit = await letDecide(client, person)
  await client.connect()
  return visit
}

/** Lets an access token expire, by moving when it does. */
export async function expireAccessToken(toolgate: Toolgate, access_token: string): Promise<void> {
  const { knex } = toolgate.db.database
  const changed = await knex('access_tokens')
    .where({ id: sha256(access_token) })
    .update({ expires_at: knex.raw("now() - interval '1 second'") })
  if (changed !== 1) throw new Error('this access token is not stored')
}

export type AuditedEvent = Record<string, string | null> & { type: string; detail: Record<string, unknown> }

/** The audit log so far, oldest first, or what follows `after`. */
export async function audited(
  toolgate: Toolgate,
  where: Record<string, string> = {},
): Promise<AuditedEvent[]> {
  return toolgate.db.database.knex('audit_events').where(where).orderBy(['occurred_at', 'writer_id', 'seq'])
}
