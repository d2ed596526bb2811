import { KINDS, type Kind, type Resource, type Scope } from '../permission/scopes.ts'

/** What a scope lists that stands under another scope too, or twice under this one. */
export type OpenedFault = { scope: string; kind: Kind; message: string }

/** A name as it is shown in a fault. */
export const quote = (name: string): string =>
  JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)

/** The members of `names` that stand there more than once. */
export function repeated(names: readonly string[]): Set<string> {
  const seen = new Set<string>()
  return new Set(names.filter((name) => seen.has(name) || !seen.add(name)))
}

const WORD: Record<Kind, string> = { tools: 'tool', prompts: 'prompt', resources: 'resource' }

/**
 * Everything is under exactly one scope, so that a challenge names one and a person knows which tick opens it. For
 * resources that means that no URI is opened by two lines.
 */
export function openedFaults(resource: Resource): OpenedFault[] {
  const exactly = KINDS.flatMap((kind) => repeatedFaults(resource, kind))
  return [...exactly, ...overlapFaults(resource.scopes)]
}

function repeatedFaults({ scopes }: Resource, kind: Kind): OpenedFault[] {
  const twice = repeated(scopes.flatMap((scope) => scope[kind] ?? []))
  return scopes.flatMap(({ name: scope, [kind]: names = [] }) =>
    names
      .filter((name) => twice.has(name))
      .map((name) => {
        const message = `has the ${WORD[kind]} ${quote(name)}, listed twice; keep one, reach it by includes`
        return { scope, kind, message }
      }),
  )
}

const OVERLAPS_MAX = 100

/** Each wildcard with what else it opens, at most 100. */
function overlapFaults(scopes: readonly Scope[]): OpenedFault[] {
  const listed = scopes.flatMap(({ name: scope, resources = [] }) =>
    resources.map((pattern) => ({ scope, pattern })),
  )
  const faults: OpenedFault[] = []
  for (const wide of listed.filter(({ pattern }) => pattern.endsWith('*'))) {
    for (const { scope, pattern } of listed) {
      if (faults.length >= OVERLAPS_MAX) return faults
      const is_within = pattern !== wide.pattern && pattern.startsWith(wide.pattern.slice(0, -1))
      if (!is_within) continue
      const message = `has the resource ${quote(pattern)}, which ${quote(wide.pattern)} of ${wide.scope} opens too; keep one`
      faults.push({ scope, kind: 'resources', message })
    }
  }
  return faults
}
