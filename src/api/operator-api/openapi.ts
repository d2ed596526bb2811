import { OPERATOR_SCOPES } from '../../accounts/operator-scopes.ts'
import type { Action } from '../../actions/action.ts'
import { searchAudit } from '../../actions/audit.ts'
import { ACTIONS } from '../../actions/index.ts'
import { ExportQuery } from './audit-routes.ts'
import {
  inputDocument,
  type JsonSchema,
  type ObjectSchema,
  outputDocument,
  pathMembers,
} from './schema-documents.ts'

/** OpenAPI 3.1 of the operator API, from the same schemas that validate its requests. */
export type OpenApiDocument = {
  openapi: string
  info: JsonSchema
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, JsonSchema>>
  components: { schemas: Record<string, JsonSchema>; [kind: string]: unknown }
}

const PROBLEM: JsonSchema = {
  type: 'object',
  description:
    'RFC 9457. `code` is for programs, `detail` for people; `request_id` names the case in the log.',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    request_id: { type: 'string' },
  },
}

const PROBLEMS: Record<string, string> = {
  400: 'The input has faults; `detail` names them all.',
  401: 'No valid token came with the request.',
  403: 'The token lacks the scope that this needs.',
  404: 'What the path names does not exist.',
  409: 'It does not fit what is there now.',
  429: 'Too many requests; try again later.',
  503: 'It cannot be answered now; try again after `Retry-After` seconds.',
}

const PROBLEM_RESPONSES = Object.fromEntries(
  Object.keys(PROBLEMS).map((status) => [status, { $ref: `#/components/responses/${status}` }]),
)

function responses(): JsonSchema {
  const schema = { $ref: '#/components/schemas/Problem' }
  return Object.fromEntries(
    Object.entries(PROBLEMS).map(([status, description]) => [
      status,
      { description, content: { 'application/problem+json': { schema } } },
    ]),
  )
}

/** The first word of the path: what the action is about. */
export function subjectOf({ path }: Pick<Action, 'path'>): string {
  return path.split('/')[1] ?? ''
}

function parametersOf(action: Pick<Action, 'method' | 'path'>, input: ObjectSchema): JsonSchema[] {
  const in_path = pathMembers(action)
  const in_query = action.method === 'get' || action.method === 'delete'
  return Object.entries(input.properties)
    .filter(([name]) => in_query || in_path.includes(name))
    .map(([name, { description, ...schema }]) => ({
      name,
      in: in_path.includes(name) ? 'path' : 'query',
      required: in_path.includes(name) || input.required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema,
    }))
}

/** What of the input does not stand in the path. */
function bodyOf(action: Action, input: ObjectSchema): JsonSchema | undefined {
  if (action.method === 'get' || action.method === 'delete') return undefined
  const in_path = pathMembers(action)
  const members = Object.entries(input.properties).filter(([name]) => !in_path.includes(name))
  if (members.length === 0) return undefined
  const required = input.required.filter((name) => !in_path.includes(name))
  const schema = { ...input, properties: Object.fromEntries(members), required }
  return { required: required.length > 0, content: { 'application/json': { schema } } }
}

/** Actions that answer in another form too, by their names. */
const OTHER_FORMS: Record<string, JsonSchema> = {
  search_audit: {
    'text/event-stream': {
      schema: {
        type: 'string',
        description:
          'New events as they are committed, as server-sent events; goes on after `Last-Event-ID`.',
      },
    },
  },
}

function operationOf(action: Action): JsonSchema {
  const input = inputDocument(action)
  const body = bodyOf(action, input)
  return {
    operationId: action.name,
    summary: action.summary,
    tags: [subjectOf(action)],
    'x-required-scope': action.scope,
    security: [{ bearer: [action.scope] }],
    parameters: parametersOf(action, input),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      [action.created ? '201' : '200']: {
        description: action.created ? 'It was made.' : 'Done.',
        content: { 'application/json': { schema: outputDocument(action) }, ...OTHER_FORMS[action.name] },
      },
      ...PROBLEM_RESPONSES,
    },
  }
}

/** A file, and so no action: the command line has the same as `toolgate audit export`. */
function exportOperation(): JsonSchema {
  const as_action = { ...searchAudit, input: ExportQuery, path: '/audit/export' }
  const forms = ['application/jsonl', 'text/csv', 'text/plain']
  const content = Object.fromEntries(forms.map((form) => [form, { schema: { type: 'string' } }]))
  return {
    operationId: 'export_audit',
    summary: 'Answers the events that match as a file, oldest first.',
    tags: [subjectOf(as_action)],
    'x-required-scope': searchAudit.scope,
    security: [{ bearer: [searchAudit.scope] }],
    parameters: parametersOf(as_action, inputDocument(as_action)),
    responses: { 200: { description: 'One line for each event.', content }, ...PROBLEM_RESPONSES },
  }
}

const THIS_DOCUMENT: JsonSchema = {
  operationId: 'get_openapi',
  summary: 'Answers this document; it needs no token.',
  tags: ['openapi'],
  security: [],
  responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: {} } } } },
}

function pathsOf(actions: readonly Action[]): OpenApiDocument['paths'] {
  const paths: OpenApiDocument['paths'] = {
    '/openapi.json': { get: THIS_DOCUMENT },
    '/audit/export': { get: exportOperation() },
  }
  for (const action of actions)
    paths[action.path] = { ...paths[action.path], [action.method]: operationOf(action) }
  return paths
}

/** The whole document. Nothing in it is secret. */
export function openApiDocument(issuer: string): OpenApiDocument {
  const subjects = [...new Set(ACTIONS.map(subjectOf)), 'openapi']
  return {
    openapi: '3.1.1',
    info: {
      title: 'Toolgate operator API',
      version: '1',
      description: `What operators do, for programs. Scopes: ${OPERATOR_SCOPES.join(', ')}; each includes those before it.`,
    },
    servers: [{ url: `${issuer.replace(/\/$/, '')}/operator/api/v1` }],
    tags: subjects.map((name) => ({ name })),
    paths: pathsOf(ACTIONS),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An operator token (`tgo_…`), or an access token or personal access token for <issuer>/operator/mcp.',
        },
      },
      schemas: { Problem: PROBLEM },
      responses: responses(),
    },
  }
}
