import type { Action } from '../../../src/actions/action.ts'
import {
  inputDocument,
  type JsonSchema,
  pathMembers,
} from '../../../src/api/operator-api/schema-documents.ts'

/** Inputs made from an action's schema, for tests that go through all of them. */
function sample(schema: JsonSchema): unknown {
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if ('const' in schema) return schema.const
  const [option] = (schema.anyOf ?? schema.oneOf ?? []) as JsonSchema[]
  if (option) return sample(option)
  switch (schema.type) {
    case 'boolean':
      return false
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    case 'array':
      return Array.from({ length: Math.max(1, Number(schema.minItems ?? 0)) }, () =>
        sample((schema.items ?? {}) as JsonSchema),
      )
    case 'object':
      return membersOf(schema)
    default:
      return textSample(schema)
  }
}

/** The SHA-256 of a token, the id of an event, and a kind of actor. */
const IDS = ['A'.repeat(43), '00000000-0000-4000-8000-000000000000', 'account']

function textSample({ format, pattern, minLength }: JsonSchema): string {
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  const id = IDS.find((each) => typeof pattern === 'string' && new RegExp(pattern).test(each))
  return id ?? 'x'.repeat(Number(minLength ?? 1))
}

function membersOf({ properties = {}, required = [] }: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(
    (required as string[]).map((name) => [
      name,
      sample((properties as Record<string, JsonSchema>)[name] ?? {}),
    ]),
  )
}

/** The least that the schema takes; what refinements want besides, it cannot know. */
export function leastInput(action: Action, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...membersOf(inputDocument(action)), ...more }
}

/** A value that the schema of this member takes; of a choice, the last. */
export function sampleOf(action: Action, member: string): unknown {
  const schema = inputDocument(action).properties[member] ?? {}
  if (Array.isArray(schema.enum)) return schema.enum.at(-1)
  return schema.type === 'boolean' ? true : sample(schema)
}

/** The same as a request to the API. */
export function requestFor(action: Action, input = leastInput(action)) {
  const in_path = pathMembers(action)
  const path = action.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(input[name])))
  const others = Object.entries(input).filter(([name]) => !in_path.includes(name))
  const is_query = action.method === 'get' || action.method === 'delete'
  const query = new URLSearchParams()
  for (const [name, value] of is_query ? others : [])
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each))
  return {
    path: `/operator/api/v1${path}${query.size > 0 ? `?${query}` : ''}`,
    method: action.method.toUpperCase(),
    ...(is_query
      ? {}
      : {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(Object.fromEntries(others)),
        }),
  }
}
