import { readFileSync } from 'node:fs'
import { McpServer } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { createGuard } from 'toolgate/resource-server'
import { type CallLog, type LocalOptions, localPolicy } from 'toolgate/resource-server/local'
import { protectTransport } from 'toolgate/resource-server/mcp-sdk'
import { Library, type Notebook } from './notes.ts'
import { TOOLS } from './tools.ts'

export type StdioOptions = {
  /** File with the catalogue, as `toolgate catalogue show --json` prints it. */
  catalogue_file: string
  /** Which of its resources this is. */
  resource: string
  /** What may be done here; everything when absent. */
  scopes?: string[] | undefined
  log: CallLog
}

/** The notes of one person at his own machine: mode `none`, over stdio. Ends when the client closes stdin. */
export function serveNotesOverStdio({ catalogue_file, resource, scopes, log }: StdioOptions): void {
  const catalogue: LocalOptions['catalogue'] = JSON.parse(readFileSync(catalogue_file, 'utf8'))
  // Standard output belongs to the protocol.
  const on_error = (error: Error) => console.error(`notes-server: ${error.message}`)
  const guard = createGuard({
    mode: 'none',
    resource,
    default_scopes: ['notes:read'],
    local: localPolicy({ catalogue, log, ...(scopes ? { scopes } : {}) }),
    on_error,
  })
  const stdio = new StdioServerTransport()
  const notes = new Library().notebookOf('local')
  serveStdio(() => createNotesMcpServer(notes), {
    transport: protectTransport(guard, stdio),
    onerror: on_error,
  })
  process.stdin.once('end', () => void guard.close())
}

/** Every tool: which of them may be listed and called, the guard decides in front of this. */
function createNotesMcpServer(notes: Notebook): McpServer {
  const server = new McpServer({ name: 'notes-server', version: '1.0.0' })
  for (const register of Object.values(TOOLS)) register(server, notes)
  return server
}
