import { KINDS, type Kind, type Resource, type Scope } from '../permission/scopes.ts'
import { type Catalogue, catalogueDocument, type Role } from './catalogue.ts'

const NOTHING: Catalogue = { resources: [], roles: [] }

/**
 * What applying `after` changes, one line each for people: `+` is new, `-` goes away, `~` changes. Empty exactly when
 * nothing changes. Without `before`, everything is new.
 */
export function diffCatalogues(before: Catalogue | undefined, after: Catalogue): string[] {
  const old = before ?? NOTHING
  const resources = pairs(old.resources, after.resources, (resource) => resource.resource)
  const roles = pairs(old.roles, after.roles, (role) => role.name)
  const lines = [
    ...resources.flatMap(([was, is]) => resourceLines(was, is)),
    ...roles.flatMap(([was, is]) => roleLines(was, is)),
  ]
  if (lines.length > 0 || catalogueDocument(old) === catalogueDocument(after)) return lines
  return ['~ only the order of entries']
}

/** What is in `was`, `is` or both under the same name: first what remains or is new, then what goes away. */
function pairs<T>(
  was: readonly T[],
  is: readonly T[],
  nameOf: (item: T) => string,
): [T | undefined, T | undefined][] {
  const old = new Map(was.map((item) => [nameOf(item), item]))
  const names = new Set(is.map(nameOf))
  return [
    ...is.map((item): [T | undefined, T] => [old.get(nameOf(item)), item]),
    ...was.filter((item) => !names.has(nameOf(item))).map((item): [T, undefined] => [item, undefined]),
  ]
}

function resourceLines(was: Resource | undefined, is: Resource | undefined): string[] {
  const identifier = (is ?? was)?.resource
  const lines: string[] = []
  if (!was && is) lines.push(`+ resource ${identifier} (${is.name}), by default ${list(is.default_scopes)}`)
  if (was && !is) lines.push(`- resource ${identifier} (${was.name})`)
  if (was && is) {
    if (was.name !== is.name) lines.push(`~ resource ${identifier} is named ${is.name}, was ${was.name}`)
    lines.push(...changeOf(`resource ${identifier} by default`, was.default_scopes, is.default_scopes))
  }
  const scopes = pairs(was?.scopes ?? [], is?.scopes ?? [], (scope) => scope.name)
  return [
    ...lines,
    ...scopes.flatMap(([old, now]) => scopeLines(`on ${identifier}`, old, now)),
    ...KINDS.flatMap((kind) => openedLines(kind, `on ${identifier}`, was, is)),
  ]
}

function scopeLines(where: string, was: Scope | undefined, is: Scope | undefined): string[] {
  if (!is) return was ? [`- scope ${was.name} ${where}`] : []
  const scope = `scope ${is.name} ${where}`
  if (!was) {
    const includes = is.includes.length > 0 ? `, includes ${list(is.includes)}` : ''
    return [`+ ${scope} opens ${list(opensOf(is))}${includes}${is.risk ? `, ${is.risk}` : ''}`]
  }
  const lines = changeOf(`${scope} includes`, was.includes, is.includes)
  if (was.risk !== is.risk)
    lines.push(`~ ${scope} is ${is.risk ? `now ${is.risk}` : `no longer ${was.risk}`}`)
  if (was.description !== is.description) lines.push(`~ ${scope} reads "${is.description}"`)
  return lines
}

const WORD: Record<Kind, string> = { tools: 'tool', prompts: 'prompt', resources: 'resource of MCP' }

/** Tools by their names alone, as most scopes open nothing else. */
function opensOf({ tools, prompts = [], resources = [] }: Scope): string[] {
  return [
    ...tools,
    ...prompts.map((name) => `${WORD.prompts} ${name}`),
    ...resources.map((uri) => `${WORD.resources} ${uri}`),
  ]
}

/** What a new scope opens stands in the line of the scope, so that only the others are told here. */
function openedLines(
  kind: Kind,
  where: string,
  was: Resource | undefined,
  is: Resource | undefined,
): string[] {
  const word = WORD[kind]
  const before = openers(kind, was)
  const after = openers(kind, is)
  const old_scopes = new Set(was?.scopes.map((scope) => scope.name))
  const lines: string[] = []
  for (const [name, scopes] of after) {
    const previous = before.get(name)
    if (!previous) {
      const told_of = scopes.filter((scope) => old_scopes.has(scope))
      if (told_of.length > 0) lines.push(`+ ${word} ${name} ${where} opened by ${list(told_of)}`)
    } else if (!sameMembers(previous, scopes)) {
      lines.push(`~ ${word} ${name} ${where} opened by ${list(scopes)}, was ${list(previous)}`)
    }
  }
  for (const name of before.keys())
    if (!after.has(name)) lines.push(`- ${word} ${name} ${where} no longer opened`)
  return lines
}

function openers(kind: Kind, resource: Resource | undefined): Map<string, string[]> {
  const openers = new Map<string, string[]>()
  for (const { name: scope, [kind]: names = [] } of resource?.scopes ?? []) {
    for (const name of names) openers.set(name, [...(openers.get(name) ?? []), scope])
  }
  return openers
}

function roleLines(was: Role | undefined, is: Role | undefined): string[] {
  if (!is) return was ? [`- role ${was.name}`] : []
  const grants = pairs(was?.grants ?? [], is.grants, (grant) => grant.resource)
  const lines = grants.flatMap(([old, now]) =>
    changeOf(`role ${is.name} on ${(now ?? old)?.resource}:`, old?.scopes ?? [], now?.scopes ?? []),
  )
  return was ? lines : [`+ role ${is.name}`, ...lines]
}

function changeOf(subject: string, was: readonly string[], is: readonly string[]): string[] {
  const added = is.filter((name) => !was.includes(name)).map((name) => `+ ${name}`)
  const removed = was.filter((name) => !is.includes(name)).map((name) => `- ${name}`)
  return added.length + removed.length > 0 ? [`~ ${subject} ${[...added, ...removed].join(' ')}`] : []
}

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name) => b.includes(name))

const list = (names: readonly string[]): string => names.join(', ') || 'nothing'
