import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { isObject } from '../base/json.ts'
import { expandScopes, includeCycles, type Resource, type Scope } from '../permission/scopes.ts'
import { type Catalogue, canonicalResource, identifierFaults } from './catalogue.ts'
import { openedFaults, quote, repeated } from './opened-once.ts'
import { label, SCOPE_SHAPE, UNPRINTABLE } from './scope-shape.ts'

/** Where in the file, as keys and positions from the top, and what is wrong there and what to do. */
type Fault = { path: Path; message: string }
type Path = readonly PropertyKey[]

const fault = (path: Path, message: string): Fault => ({ path, message })

const MAX_FILE_BYTES = 256 * 1024
const MAX_LINES = 10_000
const MAX_FAULTS = 100
const MAX_SCOPES = 1000
// RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/
const RESERVED_SCOPES = ['offline_access', 'openid']
const ROLE = /^[A-Za-z0-9_.:-]{1,64}$/

const FILE_SHAPE = z.strictObject({
  resources: z
    .array(
      z.strictObject({
        resource: z.string().superRefine((text, context) => {
          for (const message of identifierFaults(text)) context.addIssue({ code: 'custom', message })
        }),
        name: label(100),
        default_scopes: z.array(z.string()).min(1, 'is empty; name at least one scope'),
        scopes: z.record(z.string(), SCOPE_SHAPE),
      }),
    )
    .min(1, 'is empty; describe at least one resource'),
  roles: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
})

const KINDS: Record<string, string> = { array: 'a list', object: 'a map', record: 'a map', string: 'text' }

/**
 * Reads `catalogue.yaml`. Answers the catalogue with canonical resource identifiers, or the first 100 faults of the file at
 * once, each as one line: where it is and what to do. Takes any text and never throws.
 */
export function parseCatalogue(yamlText: string): { catalogue: Catalogue } | { faults: string[] } {
  if (Buffer.byteLength(yamlText) > MAX_FILE_BYTES) {
    return { faults: ['the file is larger than 256 KB; split or shorten it'] }
  }
  if (yamlText.split('\n', MAX_LINES + 1).length > MAX_LINES)
    return { faults: [`the file has more than ${MAX_LINES} lines; split or shorten it`] }
  const read = readYaml(yamlText)
  const draft = draftOf(read.value)
  const further = read.value === undefined ? [] : [...shapeFaults(read.value), ...referenceFaults(draft)]
  const faults = [...read.faults, ...further]
  return faults.length === 0 ? { catalogue: draft } : { faults: toldFaults(faults) }
}

/** The first 100: whoever mends those will ask again. */
function toldFaults(faults: readonly Fault[]): string[] {
  const told = faults.slice(0, MAX_FAULTS).map(inWords)
  return faults.length > MAX_FAULTS ? [...told, `and ${faults.length - MAX_FAULTS} more`] : told
}

// keyFaults searches duplicate keys: the parser's own search takes time quadratic in their number.
const YAML_OPTIONS = { uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const

function readYaml(text: string): { value: unknown; faults: Fault[] } {
  const counter = new LineCounter()
  try {
    const document = parseDocument(text, { ...YAML_OPTIONS, lineCounter: counter })
    const errors = [...document.errors, ...document.warnings].map(({ message, pos }) =>
      fault([`line ${counter.linePos(pos[0]).line}`], `is not valid YAML; correct it: ${message}`),
    )
    if (errors.length > 0) return { value: undefined, faults: errors }
    return { value: document.toJS({ maxAliasCount: 50 }), faults: keyFaults(document.contents, []) }
  } catch (error) {
    // Too many aliases or too deep a nesting.
    const reason = error instanceof Error ? error.message : String(error)
    return { value: undefined, faults: [fault([], `is not YAML that can be read: ${reason}`)] }
  }
}

function keyFaults(node: unknown, path: Path): Fault[] {
  if (isSeq(node)) return node.items.flatMap((item, position) => keyFaults(item, [...path, position]))
  if (!isMap(node)) return []
  const seen = new Set<string>()
  return node.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [fault(path, 'has a key that is not plain text; write it as text')]
    const name = String(key.value)
    const faults = keyFaults(value, [...path, name])
    // The schema library passes over this key in silence.
    if (name === '__proto__') faults.push(fault(path, 'has a key __proto__; choose another name'))
    if (seen.has(name)) faults.push(fault(path, `has ${quote(name)} twice; remove or rename one of them`))
    seen.add(name)
    return faults
  })
}

function shapeFaults(value: unknown): Fault[] {
  const result = FILE_SHAPE.safeParse(value, {
    error: (issue) => {
      if (issue.code !== 'invalid_type') return undefined
      const kind = KINDS[issue.expected] ?? issue.expected
      return issue.input === undefined ? `is missing; add ${kind}` : `must be ${kind}; rewrite it`
    },
  })
  return (result.error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => fault([...issue.path, key], 'is an unknown key; remove or correct it'))
      : [fault(issue.path, issue.message)],
  )
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const textsOf = (value: unknown): string[] => listOf(value).filter((item) => typeof item === 'string')
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const mapOf = (value: unknown): Record<string, unknown> => (isObject(value) ? { ...value } : {})

/** Reads as much as can be read, so that a fault of form in one place does not hide a wrong reference in another. */
function draftOf(value: unknown): Catalogue {
  const file = mapOf(value)
  const resources = listOf(file.resources).map((item) => {
    const { resource, name, default_scopes, scopes } = mapOf(item)
    return {
      resource: canonicalOrSame(textOf(resource)),
      name: textOf(name),
      default_scopes: textsOf(default_scopes),
      scopes: Object.entries(mapOf(scopes)).map(([name, body]) => draftScope(name, mapOf(body))),
    }
  })
  const grantsOf = (role: unknown) =>
    Object.entries(mapOf(role)).map(([key, scopes]) => ({
      resource: canonicalOrSame(key),
      scopes: textsOf(scopes),
    }))
  const roles = Object.entries(mapOf(file.roles)).map(([name, role]) => ({ name, grants: grantsOf(role) }))
  return { resources, roles }
}

const canonicalOrSame = (text: string): string => canonicalResource(text) ?? text

function draftScope(name: string, body: Record<string, unknown>): Scope {
  const { description, tools, prompts, resources, includes, risk } = body
  const scope = {
    name,
    description: textOf(description),
    tools: textsOf(tools),
    // Absent where there are none, so that what never had them stays what it was.
    ...(textsOf(prompts).length > 0 ? { prompts: textsOf(prompts) } : {}),
    ...(textsOf(resources).length > 0 ? { resources: textsOf(resources) } : {}),
    includes: textsOf(includes),
  }
  return risk === 'destructive' || risk === 'read_only' ? { ...scope, risk } : scope
}

function referenceFaults(draft: Catalogue): Fault[] {
  const count = draft.resources.reduce((sum, resource) => sum + resource.scopes.length, 0)
  if (count > MAX_SCOPES) return [fault(['resources'], `have ${count} scopes; keep at most ${MAX_SCOPES}`)]
  const twice = repeated(draft.resources.map((resource) => resource.resource).filter((name) => name !== ''))
  const in_resources = draft.resources.flatMap((resource, position) => {
    const path = ['resources', position]
    const again = `${quote(resource.resource)} is listed twice; merge the two`
    return [
      ...(twice.has(resource.resource) ? [fault([...path, 'resource'], again)] : []),
      ...defaultScopeFaults(resource, path),
      ...scopeFaults(resource, [...path, 'scopes']),
    ]
  })
  return [...in_resources, ...roleFaults(draft)]
}

function scopeFaults(resource: Resource, path: Path): Fault[] {
  const in_scopes = resource.scopes.flatMap(({ name, includes }) => {
    const here = [...path, name]
    const bad_name = 'is not a scope name; use 1 to 128 visible ASCII characters but " and \\'
    return [
      ...(SCOPE.test(name) ? [] : [fault(here, bad_name)]),
      ...(RESERVED_SCOPES.includes(name) ? [fault(here, 'is reserved by OpenID; choose another name')] : []),
      ...scopeListFaults(resource, includes, [...here, 'includes']),
    ]
  })
  const circles = includeCycles(resource).map((cycle) =>
    fault(path, `include each other in a circle: ${cycle.join(' → ')}; remove one of the steps`),
  )
  const opened = openedFaults(resource).map(({ scope, kind, message }) =>
    fault([...path, scope, kind], message),
  )
  return [...in_scopes, ...opened, ...circles]
}

function defaultScopeFaults(resource: Resource, path: Path): Fault[] {
  if (resource.scopes.length === 0) return [fault([...path, 'scopes'], 'has no scope; describe at least one')]
  const here = [...path, 'default_scopes']
  const closure = expandScopes(resource, resource.default_scopes)
  const destructive = resource.scopes
    .filter((scope) => scope.risk === 'destructive' && closure.has(scope.name))
    .map(({ name }) => fault(here, `opens the destructive scope ${quote(name)}; remove what opens it`))
  return [...scopeListFaults(resource, resource.default_scopes, here), ...destructive]
}

function roleFaults(draft: Catalogue): Fault[] {
  const resources = new Map(draft.resources.map((resource) => [resource.resource, resource]))
  return draft.roles.flatMap(({ name, grants }) => {
    const path = ['roles', name]
    const bad_name = 'is not a role name; use 1 to 64 of A-Z a-z 0-9 _ . : -'
    const twice = repeated(grants.map((grant) => grant.resource))
    return [
      ...(ROLE.test(name) ? [] : [fault(path, bad_name)]),
      ...[...twice].map((resource) => fault(path, `names ${quote(resource)} twice; merge the two`)),
      ...grants.flatMap((grant) => {
        const resource = resources.get(grant.resource)
        const unknown = `names the unknown resource ${quote(grant.resource)}; list it under resources`
        return resource
          ? scopeListFaults(resource, grant.scopes, [...path, grant.resource])
          : [fault(path, unknown)]
      }),
    ]
  })
}

function scopeListFaults(resource: Resource, names: readonly string[], path: Path): Fault[] {
  const known = new Set(resource.scopes.map((scope) => scope.name))
  const unknown = (name: string) => `names the unknown scope ${quote(name)}; remove or describe it`
  return [
    ...names.filter((name) => !known.has(name)).map((name) => fault(path, unknown(name))),
    ...[...repeated(names)].map((name) => fault(path, `names ${quote(name)} twice; keep one`)),
  ]
}

/** One line: the place in words, what is wrong and what to do. Safe to print on a terminal. */
function inWords({ path, message }: Fault): string {
  const place = path.map((key) => (typeof key === 'number' ? `entry ${key + 1}` : String(key).slice(0, 130)))
  return `${place.join(' › ') || 'the file'}: ${message}`.replaceAll(new RegExp(UNPRINTABLE, 'gu'), '\uFFFD')
}
