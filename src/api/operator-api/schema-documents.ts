import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import { parseJson } from '../../base/json.ts'

/** What an action takes and answers, as JSON Schema 2020-12: for the OpenAPI document, MCP tools and commands. */
export type JsonSchema = { [keyword: string]: unknown }
export type ObjectSchema = JsonSchema & {
  type: 'object'
  properties: Record<string, JsonSchema>
  required: readonly string[]
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>

/** A moment is a Date in code and a string on the wire; the long pattern of one says nothing that the format does not. */
const moments: Override = ({ zodSchema, jsonSchema }) => {
  if (zodSchema instanceof z.ZodDate) Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
}

/** Answers may gain members, and who validates them must not stumble. */
const answers: Override = (found) => {
  moments(found)
  const { jsonSchema } = found
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
}

function documentOf(schema: z.ZodType, io: 'input' | 'output', override: Override): ObjectSchema {
  const { $schema: _, ...document } = z.toJSONSchema(schema, { io, override, unrepresentable: 'any' })
  return { properties: {}, required: [], ...document } as unknown as ObjectSchema
}

const inputs = new WeakMap<object, ObjectSchema>()

/** What `input` takes. Computed once: every request for the action reads its texts by it. */
export function inputDocument({ input }: Pick<Action, 'input'>): ObjectSchema {
  const known = inputs.get(input)
  if (known) return known
  const document = documentOf(input, 'input', moments)
  inputs.set(input, document)
  return document
}

export function outputDocument({ output }: Pick<Action, 'output'>): ObjectSchema {
  return documentOf(output, 'output', answers)
}

/** Names of the input's members that stand in the path, in its order. */
export function pathMembers({ path }: Pick<Action, 'path'>): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}

/**
 * What came as text, in a query, a path or a command, in the types that the schema names. What does not look like its
 * type stays text, for the schema to refuse.
 */
export function fromText(
  { properties }: ObjectSchema,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const members = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    members.map(([name, value]) => [
      name,
      typed(Object.hasOwn(properties, name) ? properties[name] : {}, value),
    ]),
  )
}

function typed(schema: JsonSchema | undefined, value: unknown): unknown {
  if (schema?.type === 'array') {
    const items = schema.items as JsonSchema | undefined
    return (Array.isArray(value) ? value : [value]).map((item) => typed(items, item))
  }
  if (typeof value !== 'string') return value
  if (schema?.type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  if (schema?.type === 'object') return parseJson(value) ?? value
  const is_number = schema?.type === 'integer' || schema?.type === 'number'
  return is_number && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value
}
