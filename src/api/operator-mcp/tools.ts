import type { CallToolResult, Tool } from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import { type Action, type ActionContext, type Caller, perform } from '../../actions/action.ts'
import { ACTIONS } from '../../actions/index.ts'
import { parseJson } from '../../base/json.ts'
import { failureOf, logFailure } from '../../http/error-handler.ts'
import { inputDocument, outputDocument } from '../operator-api/schema-documents.ts'

/** Every action is a tool of the same name. */
export type ToolDependencies = ActionContext & { log: Logger }

function titleOf({ name }: Action): string {
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function toolOf(action: Action): Tool {
  const is_reading = action.scope === 'operator:read'
  return {
    name: action.name,
    title: titleOf(action),
    description: action.summary,
    inputSchema: inputDocument(action) as unknown as Tool['inputSchema'],
    outputSchema: outputDocument(action) as unknown as NonNullable<Tool['outputSchema']>,
    annotations: {
      title: titleOf(action),
      readOnlyHint: is_reading,
      destructiveHint: !is_reading,
      openWorldHint: false,
    },
  }
}

let tools: readonly Tool[] | undefined

/** As `tools/list` shows them. */
export function operatorTools(): readonly Tool[] {
  tools ??= ACTIONS.map(toolOf)
  return tools
}

/** As JSON has it: moments are texts, and what is undefined is not there. */
function structured(value: unknown): Record<string, unknown> {
  return parseJson(JSON.stringify(value)) as Record<string, unknown>
}

/**
 * Performs the action of this name. What goes wrong is a result that says so, which a language model reads and mends;
 * a fault of ours is logged and tells nothing.
 */
export async function callTool(
  { log, ...context }: ToolDependencies,
  caller: Caller,
  name: string,
  input: unknown,
): Promise<CallToolResult> {
  const action = ACTIONS.find((each) => each.name === name)
  if (!action) return refusal(`There is no tool ${name}`)
  try {
    const answer = structured(await perform(action, context, caller, input ?? {}))
    return { content: [{ type: 'text', text: JSON.stringify(answer) }], structuredContent: answer }
  } catch (error) {
    const failure = failureOf(error)
    if (failure.status >= 500)
      logFailure({ request_id: caller.request_id, method: `tools/call ${name}` }, error, failure, log)
    return refusal(failure.detail)
  }
}

function refusal(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] }
}
