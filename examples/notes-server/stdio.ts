import { readFileSync } from 'node:fs'
import { McpServer } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { createGuard } from 'toolgate-guard'
import { fileLog, type LocalOptions, localPolicy } from 'toolgate-guard/local'
import { protectTransport } from 'toolgate-guard/mcp-sdk'
import { Library, type Notebook } from './notes.ts'
import { TOOLS } from './tools.ts'

/**
 * The notes of one person at his own machine: mode `none`, over stdio. Whoever starts this program is who calls. Ends
 * when the client closes its standard input.
 */
const {
  /** As `toolgate catalogue show --json` prints it. */
  NOTES_CATALOGUE = 'catalogue.json',
  /** Which of its resources this is. */
  NOTES_RESOURCE = 'http://localhost:4001/mcp',
  /** What may be done here, separated by spaces; everything when absent. */
  NOTES_SCOPES,
  NOTES_LOG = 'notes-calls.jsonl',
} = process.env

// Standard output belongs to the protocol.
const on_error = (error: Error) => console.error(`notes-server: ${error.message}`)
const catalogue: LocalOptions['catalogue'] = JSON.parse(readFileSync(NOTES_CATALOGUE, 'utf8'))
const log = fileLog(NOTES_LOG, { name: 'notes-server' })

const guard = createGuard({
  mode: 'none',
  resource: NOTES_RESOURCE,
  default_scopes: ['notes:read'],
  local: localPolicy({ catalogue, log, ...(NOTES_SCOPES ? { scopes: NOTES_SCOPES.split(' ') } : {}) }),
  on_error,
})

/** Every tool: which of them may be listed and called, the guard decides in front of this. */
function createNotesMcpServer(notes: Notebook): McpServer {
  const server = new McpServer({ name: 'notes-server', version: '1.0.0' })
  for (const register of Object.values(TOOLS)) register(server, notes)
  return server
}

const notes = new Library().notebookOf('local')
serveStdio(() => createNotesMcpServer(notes), {
  transport: protectTransport(guard, new StdioServerTransport()),
  onerror: on_error,
})
process.stdin.once('end', () => void guard.close())
