import { type Document, parseDocument } from 'yaml'
import { AppError } from '../base/errors.ts'
import { KINDS, type Resource, type Scope } from '../permission/scopes.ts'
import { type Catalogue, findResource } from './catalogue.ts'
import { parseCatalogue } from './catalogue-file.ts'
import { resourceBody, scopeBody } from './catalogue-text.ts'

/**
 * The text of a catalogue file with what `proposed` has beyond it, and what that is, one line each. Nothing is taken away or
 * moved, no role is given more on a resource that is there already, and comments stay. Throws `invalid_input` with every
 * fault of the file, or of what would become of it.
 */
export function mergedText(text: string, proposed: Catalogue): { text: string; added: string[] } {
  const { resources } = readOrThrow(text)
  const file = parseDocument(text)
  const added = proposed.resources.flatMap((resource) => {
    const known = findResource({ resources, roles: [] }, resource.resource)
    if (known) return addScopes(file, resources.indexOf(known), known, resource)
    file.addIn(['resources'], file.createNode(resourceBody(resource)))
    return [`resource ${resource.resource}`, ...addRoles(file, proposed, resource)]
  })
  if (added.length === 0) return { text, added }
  // As the file writes its lists, so that a comparison shows what was added and no more.
  const merged = file.toString({ lineWidth: 0, flowCollectionPadding: !/\[\S/.test(text) })
  readOrThrow(merged)
  return { text: merged, added }
}

function readOrThrow(text: string): Catalogue {
  const read = parseCatalogue(text)
  if ('faults' in read)
    throw new AppError('invalid_input', `The catalogue has faults:\n${read.faults.join('\n')}`)
  return read.catalogue
}

function addRoles(file: Document, { roles }: Catalogue, { resource }: Resource): string[] {
  return roles.flatMap(({ name, grants }) => {
    const scopes = grants.filter((grant) => grant.resource === resource).flatMap((grant) => grant.scopes)
    if (scopes.length === 0) return []
    file.setIn(['roles', name, resource], file.createNode([...scopes]))
    return [`role ${name} on ${resource}: ${scopes.join(' ')}`]
  })
}

/** What no scope of the resource lists yet, under the scopes that are proposed for it. */
function addScopes(file: Document, at: number, known: Resource, proposed: Resource): string[] {
  const listed = new Set(
    known.scopes.flatMap((scope) =>
      KINDS.flatMap((kind) => (scope[kind] ?? []).map((name) => `${kind} ${name}`)),
    ),
  )
  const names = new Set(known.scopes.map(({ name }) => name))
  return proposed.scopes.flatMap((scope) => {
    const missing = missingOf(scope, listed)
    const found = KINDS.flatMap((kind) => (missing[kind] ?? []).map((name) => `${kind.slice(0, -1)} ${name}`))
    if (found.length === 0) return []
    const path = ['resources', at, 'scopes', scope.name]
    if (names.has(scope.name))
      for (const kind of KINDS) for (const name of missing[kind] ?? []) addName(file, [...path, kind], name)
    else {
      const includes = scope.includes.filter((name) => names.has(name))
      file.setIn(path, file.createNode(scopeBody({ ...missing, includes })))
      names.add(scope.name)
    }
    return found.map((each) => `${each} under ${scope.name}`)
  })
}

function missingOf(scope: Scope, listed: ReadonlySet<string>): Scope {
  const beyond = KINDS.map(
    (kind) => [kind, (scope[kind] ?? []).filter((name) => !listed.has(`${kind} ${name}`))] as const,
  )
  const { prompts: _, resources: __, ...rest } = scope
  const lists = Object.fromEntries(beyond.filter(([kind, names]) => kind === 'tools' || names.length > 0))
  return { ...rest, ...lists } as Scope
}

function addName(file: Document, path: (string | number)[], name: string): void {
  if (file.hasIn(path)) file.addIn(path, name)
  else file.setIn(path, file.createNode([name]))
}
