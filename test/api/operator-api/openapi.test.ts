import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Action } from '../../../src/actions/action.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { operatorApi } from '../../../src/api/operator-api/api.ts'
import { type OpenApiDocument, openApiDocument } from '../../../src/api/operator-api/openapi.ts'
import { pathMembers } from '../../../src/api/operator-api/schema-documents.ts'
import { Toolgate } from '../../support/toolgate.ts'

const document = openApiDocument('https://auth.example')

/** The parts of OpenAPI 3.1 that this document uses; an unknown member is a mistake. */
const content = z.record(
  z.string().regex(/^[a-z]+\/[a-z+-]+$/),
  z.strictObject({ schema: z.looseObject({}) }),
)
const response = z.strictObject({ description: z.string().min(1), content: content.optional() })
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z_]+$/),
  summary: z.string().regex(/^[A-Z].*\.$/),
  tags: z.array(z.string()).length(1),
  'x-required-scope': z.enum(['operator:read', 'operator:revoke', 'operator:admin']).optional(),
  security: z.array(z.strictObject({ bearer: z.array(z.string()) })),
  parameters: z
    .array(
      z.strictObject({
        name: z.string(),
        in: z.enum(['path', 'query']),
        required: z.boolean(),
        description: z.string().optional(),
        schema: z.looseObject({}),
      }),
    )
    .optional(),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(
    z.string().regex(/^[1-5]\d\d$/),
    z.union([response, z.strictObject({ $ref: z.string() })]),
  ),
})
const method = z.enum(['get', 'post', 'put', 'patch', 'delete'])
const whole = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d$/),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.url() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(z.string().startsWith('/'), z.partialRecord(method, operation)),
  components: z.strictObject({
    securitySchemes: z.strictObject({
      bearer: z.strictObject({
        type: z.literal('http'),
        scheme: z.literal('bearer'),
        description: z.string(),
      }),
    }),
    schemas: z.record(z.string(), z.looseObject({})),
    responses: z.record(z.string(), response),
  }),
})

type Operation = z.infer<typeof operation>

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([verb, found]) => ({ path, verb, operation: found as unknown as Operation })),
)
const operationOf = ({ name }: Action) => operations.find(({ operation }) => operation.operationId === name)!

/** Every object in the document. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const member of Object.values(value)) yield* objectsIn(member)
}

function resolve(reference: string): unknown {
  const [root, ...steps] = reference.split('/')
  if (root !== '#') return undefined
  return steps.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document)
}

describe('the OpenAPI document', () => {
  it('has the shape of OpenAPI 3.1', () => {
    expect(whole.safeParse(document).error?.issues ?? []).toEqual([])
  })

  it('refers to what is there', () => {
    const references = [...objectsIn(document)].flatMap(({ $ref }) =>
      typeof $ref === 'string' ? [$ref] : [],
    )
    expect(references.length).toBeGreaterThan(0)
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([])
  })

  it('names each operation once, and its tag', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const tags = document.tags.map(({ name }) => name)
    expect(operations.filter(({ operation }) => !tags.includes(operation.tags[0]!))).toEqual([])
  })

  it('has schemas that are JSON Schema', () => {
    for (const { operation } of operations) {
      const schemas = [operation, ...(operation.parameters ?? [])].flatMap((part) =>
        [...objectsIn(part)].flatMap(({ schema }) => (schema === undefined ? [] : [schema])),
      )
      for (const schema of schemas) {
        const made = JSON.parse(JSON.stringify(schema)) as Parameters<typeof z.fromJSONSchema>[0]
        expect(() => z.fromJSONSchema(made), operation.operationId).not.toThrow()
      }
    }
  })

  it('says nothing that cannot be sent as JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })
})

describe.each(ACTIONS.map((action) => ({ name: action.name, action })))('$name', ({ action }) => {
  it('is an operation with its scope, and with every member of its input in one place', () => {
    const { path, verb, operation } = operationOf(action)
    expect([path, verb]).toEqual([action.path, action.method])
    expect(operation['x-required-scope']).toBe(action.scope)
    const parameters = operation.parameters ?? []
    const in_path = parameters.filter((parameter) => parameter.in === 'path')
    expect(in_path.map(({ name }) => name).toSorted()).toEqual(pathMembers(action).toSorted())
    expect(in_path.every(({ required }) => required)).toBe(true)
    const body = operation.requestBody?.content['application/json']?.schema as
      | { properties: object }
      | undefined
    const members = [...parameters.map(({ name }) => name), ...Object.keys(body?.properties ?? {})]
    expect(members.toSorted()).toEqual(Object.keys(action.input.shape).toSorted())
  })

  it('has the problems that it can answer with', () => {
    const { responses } = operationOf(action).operation
    for (const status of ['400', '401', '403', '404', '409', '429', '503'])
      expect(responses).toHaveProperty(status)
  })
})

describe('the server', () => {
  let toolgate: Toolgate
  beforeAll(async () => {
    toolgate = await Toolgate.start()
  })
  afterAll(() => toolgate.close())

  it('gives it to everybody, for its own issuer', async () => {
    const answer = await toolgate.fetch('/operator/api/v1/openapi.json')
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=300'])
    const given = (await answer.json()) as OpenApiDocument
    expect(given).toEqual(openApiDocument(toolgate.issuer))
    expect(given.servers).toEqual([{ url: `${toolgate.issuer}/operator/api/v1` }])
  })

  it('has no route that the document does not name', () => {
    const router = operatorApi({ issuer: 'https://auth.example' } as Parameters<typeof operatorApi>[0])
    const mounted = router.stack
      .filter(({ path }) => !String(path).includes('*'))
      .flatMap(({ path, methods }) =>
        methods
          .filter((verb) => verb !== 'HEAD')
          .map(
            (verb) =>
              `${verb} ${String(path)
                .replace('/operator/api/v1', '')
                .replaceAll(/:(\w+)/g, '{$1}')}`,
          ),
      )
    const named = new Set(operations.map(({ path, verb }) => `${verb.toUpperCase()} ${path}`))
    expect(mounted.filter((route) => !named.has(route))).toEqual([])
    expect(new Set(mounted)).toEqual(named)
  })
})
