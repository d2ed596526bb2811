import type { CallToolResult, McpServer, RegisteredTool } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { type Notebook, NoteError } from './notes.ts'

const id = z.string().min(1).max(20).describe('The id of a note, as search_notes gives it')
const title = z.string().min(1).max(200)
const text = z.string().max(10_000)

type Tool = (server: McpServer, notes: Notebook) => RegisteredTool

/** The five tools. Which of them a token opens is decided in the catalogue of the authorization server, not here. */
export const TOOLS: Record<string, Tool> = {
  search_notes: (server, notes) =>
    server.registerTool(
      'search_notes',
      {
        description: 'Find notes whose title or text contains the query',
        inputSchema: z.object({ query: z.string().max(200) }),
        annotations: { readOnlyHint: true },
      },
      ({ query }) => answer(() => notes.search(query)),
    ),
  get_note: (server, notes) =>
    server.registerTool(
      'get_note',
      {
        description: 'Read one note',
        inputSchema: z.object({ id }),
        annotations: { readOnlyHint: true },
      },
      ({ id }) => answer(() => notes.get(id)),
    ),
  create_note: (server, notes) =>
    server.registerTool(
      'create_note',
      {
        description: 'Write a new note',
        inputSchema: z.object({ title, text }),
        annotations: { readOnlyHint: false, destructiveHint: false },
      },
      ({ title, text }) => answer(() => notes.create(title, text)),
    ),
  update_note: (server, notes) =>
    server.registerTool(
      'update_note',
      {
        description: 'Change the title or the text of a note',
        inputSchema: z.object({ id, title: title.optional(), text: text.optional() }),
        annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
      },
      ({ id, title, text }) => answer(() => notes.update(id, { title, text })),
    ),
  delete_note: (server, notes) =>
    server.registerTool(
      'delete_note',
      {
        description: 'Delete a note for good',
        inputSchema: z.object({ id }),
        annotations: { readOnlyHint: false, destructiveHint: true },
      },
      ({ id }) =>
        answer(() => {
          notes.delete(id)
          return { deleted: id }
        }),
    ),
}

function answer(run: () => unknown): CallToolResult {
  try {
    return { content: [{ type: 'text', text: JSON.stringify(run()) }] }
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    return { isError: true, content: [{ type: 'text', text: error.message }] }
  }
}
