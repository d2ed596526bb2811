/**
 * What a person consented to is what the scopes opened when they saw them. Under a later catalogue it opens what is open
 * then and now: what is new is withheld until the person has seen it, what is gone is gone. Pure.
 */
import { opensResource } from './resource-pattern.ts'
import {
  isOpened,
  KINDS,
  type Kind,
  openedBy,
  type Resource,
  type Risk,
  riskOfScopes,
  scopesFor,
} from './scopes.ts'

/** A resource as a person saw it, with the scopes that they allowed on it. */
export type Seen = { readonly resource: Resource; readonly scopes: readonly string[] }

/** What a caller holds on a resource: the scopes that count now, and, where that is less, what a person saw of them. */
export type Held = {
  readonly resource: Resource
  readonly effective: readonly string[]
  /** Absent where all that is open now was seen. */
  readonly seen?: readonly Seen[] | undefined
}

/** Whether the holder may have it: it is open now, and was among what the person saw. */
export function isOpenTo({ resource, effective, seen }: Held, kind: Kind, name: string): boolean {
  return isOpened(resource, effective, kind, name) && (!seen || wasSeen(seen, kind, name))
}

function wasSeen(seen: readonly Seen[], kind: Kind, name: string): boolean {
  return seen.some(({ resource, scopes }) => isOpened(resource, scopes, kind, name))
}

/** The names that are open to the holder, sorted; of resources the URIs as they were seen where that is narrower. */
export function openTo({ resource, effective, seen }: Held, kind: Kind): string[] {
  const now = openedBy(resource, kind, effective)
  if (!seen) return now
  const then = seen.flatMap((each) => openedBy(each.resource, kind, each.scopes))
  const common = now.flatMap((name) =>
    covers(then, kind, name) ? [name] : then.filter((narrower) => covers([name], kind, narrower)),
  )
  return [...new Set(common)].sort()
}

/** Whether all that `name` stands for, which may end with a wildcard, is opened by one of `patterns`. */
export function covers(patterns: readonly string[], kind: Kind, name: string): boolean {
  if (patterns.includes(name)) return true
  if (kind !== 'resources') return false
  return patterns.some((pattern) =>
    name.endsWith('*')
      ? pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1))
      : opensResource(pattern, name),
  )
}

/** The risk of using it, which is never less than the person was told. */
export function riskTo({ resource, seen }: Held, kind: Kind, name: string): Risk | undefined {
  const now = riskOfScopes(resource, scopesFor(resource, kind, name))
  if (!seen) return now
  const then = seen.filter((each) => wasSeen([each], kind, name))
  const risks = [now, ...then.map((at) => riskOfScopes(at.resource, scopesFor(at.resource, kind, name)))]
  if (risks.includes('destructive')) return 'destructive'
  return risks.every((risk) => risk === 'read_only') ? 'read_only' : undefined
}

/** What changed to more than a person saw: `new` is withheld; `milder` goes on being treated as they were told. */
export type Growth = { readonly kind: Kind; readonly name: string; readonly what: 'new' | 'milder' }

/** In what the scopes open now, all that the person did not see so. */
export function growthOf({ resource, effective, seen }: Held): Growth[] {
  if (!seen) return []
  return KINDS.flatMap((kind) => {
    const then = seen.flatMap((each) => openedBy(each.resource, kind, each.scopes))
    return openedBy(resource, kind, effective).flatMap((name): Growth[] => {
      if (!covers(then, kind, name)) return [{ kind, name, what: 'new' }]
      const now = riskOfScopes(resource, scopesFor(resource, kind, name))
      return riskTo({ resource, effective, seen }, kind, name) === now ? [] : [{ kind, name, what: 'milder' }]
    })
  })
}
