import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { type AuthInfo, createGuard } from 'toolgate-guard'
import { fileLog, localPolicy } from 'toolgate-guard/local'
import { listen, protectNodeHandler } from 'toolgate-guard/node'
import { z } from 'zod'

/** Tasks in memory. How this server is deployed is said in one line: `mode`. */
const {
  PORT = '4002',
  HOST,
  ISSUER = 'http://localhost:4000',
  TASKS_ID = 'tasks',
  TASKS_SECRET,
} = process.env
const CATALOGUE = new URL('catalogue.json', import.meta.url)

const guard = createGuard({
  mode: 'none',
  resource: `http://localhost:${PORT}/mcp`,
  resource_name: 'Tasks',
  default_scopes: ['tasks:read'],
  scopes_supported: ['tasks:read', 'tasks:write', 'tasks:delete'],
  // Mode none: the catalogue decides here, and calls are recorded here.
  local: localPolicy({
    catalogue: JSON.parse(readFileSync(CATALOGUE, 'utf8')),
    log: fileLog('calls.jsonl', { name: 'tasks' }),
  }),
  // Modes token and oauth: Toolgate decides and records.
  issuer: ISSUER,
  client_id: TASKS_ID,
  client_secret: TASKS_SECRET,
  on_error: (error) => console.error(`tasks: ${error.message}`),
})

type Task = { id: string; title: string; is_done: boolean }
const tasks = new Map<string, Task>()
let last_id = 0
const id = z.string().describe('The id of a task, as list_tasks gives it')
const title = z.string().min(1).max(200)

/** The guard has decided the call before any of this runs; here is nothing about who may do what. */
function createTasksServer({ extra }: AuthInfo): McpServer {
  const server = new McpServer({ name: 'tasks', version: '1.0.0' })
  const tools = {
    list_tasks: server.registerTool(
      'list_tasks',
      { description: 'List all tasks', annotations: { readOnlyHint: true } },
      () => answer([...tasks.values()]),
    ),
    add_task: server.registerTool(
      'add_task',
      {
        description: 'Add a task',
        inputSchema: z.object({ title }),
        annotations: { destructiveHint: false },
      },
      ({ title }) => answer(put({ id: String(++last_id), title, is_done: false })),
    ),
    finish_task: server.registerTool(
      'finish_task',
      {
        description: 'Mark a task as done',
        inputSchema: z.object({ id }),
        annotations: { idempotentHint: true },
      },
      ({ id }) => {
        const task = tasks.get(id)
        return task ? answer(put({ ...task, is_done: true })) : unknown(id)
      },
    ),
    delete_task: server.registerTool(
      'delete_task',
      {
        description: 'Delete a task for good',
        inputSchema: z.object({ id }),
        annotations: { destructiveHint: true },
      },
      ({ id }) => (tasks.delete(id) ? answer({ deleted: id }) : unknown(id)),
    ),
  }
  for (const [name, tool] of Object.entries(tools)) if (!extra.tools.includes(name)) tool.disable()
  return server
}

function put(task: Task): Task {
  tasks.set(task.id, task)
  return task
}

function answer(value: unknown) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(value) }] }
}

function unknown(id: string) {
  return { isError: true, content: [{ type: 'text' as const, text: `There is no task ${id}` }] }
}

const mcp = createMcpHandler(({ authInfo }) => createTasksServer(authInfo as AuthInfo))
const http = createServer(protectNodeHandler(guard, toNodeHandler(mcp)))
await listen(guard, http, { port: Number(PORT), host: HOST })

async function stop(): Promise<void> {
  http.close()
  http.closeAllConnections()
  await mcp.close()
  await guard.close()
}
process.once('SIGTERM', stop).once('SIGINT', stop)
console.log(`tasks: mode ${guard.settings.mode} on ${guard.settings.resource}`)
