import { covers } from '../permission/consented.ts'
import {
  expandScopes,
  KINDS,
  type Kind,
  openedBy,
  type Resource,
  type Risk,
  type Scope,
} from '../permission/scopes.ts'
import { type Catalogue, grantableScopes, type Role } from './catalogue.ts'

/**
 * What a new catalogue gives to and takes from those who hold scopes: each cause by itself, under the name that accepts
 * it, and for anybody who holds these scopes whether they gain or lose by it. Pure; who holds what is for others to count.
 */
export type CatalogueEffect = {
  /** `tool:delete_note`, `prompt:…`, `mcp-resource:notes://*`, `scope:notes:write`, `role:editor`, `resource:https://…`. */
  id: string
  /** The protected resource; undefined for a role. */
  resource: string | undefined
  touches(holder: Holder): Touch
}

export type Touch = { gains: boolean; loses: boolean }

/** Scopes that a grant or an account holds on one resource, with the roles of the account. */
export type Holder = {
  kind: 'grant' | 'account'
  resource: string
  scopes: readonly string[]
  roles: readonly string[]
}

const PREFIX: Record<Kind, string> = { tools: 'tool', prompts: 'prompt', resources: 'mcp-resource' }
const UNTOUCHED: Touch = { gains: false, loses: false }

export function catalogueEffects(before: Catalogue, after: Catalogue): CatalogueEffect[] {
  const resources = before.resources.flatMap((was) => {
    const is = after.resources.find(({ resource }) => resource === was.resource)
    return is ? [...scopeEffects(was, is), ...openedEffects(was, is)] : [goneEffect(was)]
  })
  return [...resources, ...before.roles.flatMap((role) => roleEffects(before, after, role))]
}

function goneEffect({ resource }: Resource): CatalogueEffect {
  return {
    id: `resource:${resource}`,
    resource,
    touches: (holder) => ({ gains: false, loses: holder.resource === resource }),
  }
}

/** Scopes that go, that include others, or whose risk was more. */
function scopeEffects(was: Resource, is: Resource): CatalogueEffect[] {
  return was.scopes.flatMap((old) => {
    const now = is.scopes.find(({ name }) => name === old.name)
    const change = now ? changeOf(old, now) : { gains: false, loses: true }
    if (!change.gains && !change.loses) return []
    const touches = ({ resource, scopes }: Holder) =>
      resource === was.resource && expandScopes(was, scopes).has(old.name) ? change : UNTOUCHED
    return [{ id: `scope:${old.name}`, resource: was.resource, touches }]
  })
}

const RANK: Record<Risk | 'unsaid', number> = { read_only: 0, unsaid: 1, destructive: 2 }

function changeOf(old: Scope, now: Scope): Touch {
  return {
    gains:
      now.includes.some((name) => !old.includes.includes(name)) ||
      RANK[now.risk ?? 'unsaid'] < RANK[old.risk ?? 'unsaid'],
    loses: old.includes.some((name) => !now.includes.includes(name)),
  }
}

/** Tools, prompts and resources that stand under another scope, are new, or go while their scope stays. */
function openedEffects(was: Resource, is: Resource): CatalogueEffect[] {
  const open = memory((scopes: readonly string[]) => ({
    before: allOpened(was, scopes),
    after: allOpened(is, scopes),
  }))
  return KINDS.flatMap((kind) => {
    const [old, now] = [owners(was, kind), owners(is, kind)]
    // What goes with its scope is told by the scope.
    const is_gone = (name: string) =>
      !now.has(name) && !is.scopes.some((scope) => scope.name === old.get(name))
    const changed = [...new Set([...old.keys(), ...now.keys()])].filter(
      (name) => old.get(name) !== now.get(name) && !is_gone(name),
    )
    return changed.map(
      (name): CatalogueEffect => ({
        id: `${PREFIX[kind]}:${name}`,
        resource: was.resource,
        touches({ resource, scopes }) {
          if (resource !== was.resource) return UNTOUCHED
          const { before, after } = open(scopes)
          const had = isWithin(before[kind], kind, name)
          const has = isWithin(after[kind], kind, name)
          return { gains: has && !had, loses: had && !has }
        },
      }),
    )
  })
}

function allOpened(resource: Resource, scopes: readonly string[]): Record<Kind, ReadonlySet<string>> {
  const open = (kind: Kind) => new Set(openedBy(resource, kind, scopes))
  return { tools: open('tools'), prompts: open('prompts'), resources: open('resources') }
}

function isWithin(opened: ReadonlySet<string>, kind: Kind, name: string): boolean {
  return opened.has(name) || (kind === 'resources' && covers([...opened], kind, name))
}

/** The same holders are asked about for each change. */
function memory<T>(compute: (scopes: readonly string[]) => T): (scopes: readonly string[]) => T {
  const known = new Map<string, T>()
  return (scopes) => {
    const key = scopes.join(' ')
    const value = known.get(key) ?? compute(scopes)
    known.set(key, value)
    return value
  }
}

function owners({ scopes }: Resource, kind: Kind): Map<string, string> {
  return new Map(scopes.flatMap((scope) => (scope[kind] ?? []).map((name) => [name, scope.name])))
}

/** What a role is given or loses on each resource, by the scopes that it names. */
function roleEffects(before: Catalogue, after: Catalogue, role: Role): CatalogueEffect[] {
  const now = after.roles.find(({ name }) => name === role.name)
  const changes = new Map<string, { added: string[]; removed: string[] }>()
  for (const { resource } of [...role.grants, ...(now?.grants ?? [])]) {
    const [old_names, new_names] = [role, now].map((each) => namedBy(each, resource))
    const added = [...(new_names ?? [])].filter((name) => !old_names?.has(name))
    // What the whole catalogue lost is told under its own name.
    const removed = [...(old_names ?? [])].filter(
      (name) => !new_names?.has(name) && hasScope(after, resource, name),
    )
    if (added.length + removed.length > 0) changes.set(resource, { added, removed })
  }
  if (now && changes.size === 0) return []
  return [
    {
      id: `role:${role.name}`,
      resource: undefined,
      touches(holder) {
        const change = changes.get(holder.resource)
        if (!holder.roles.includes(role.name)) return UNTOUCHED
        // Whoever has a role that is gone has one fewer, whatever the others allow.
        if (!now && holder.kind === 'account') return { gains: false, loses: true }
        if (!change) return UNTOUCHED
        const [was, is] = [before, after].map((of) => heldThrough(of, holder))
        const gains = [...(is ?? [])].some((name) => !was?.has(name))
        return {
          gains: gains && change.added.length > 0,
          loses: [...(was ?? [])].some((name) => !is?.has(name)),
        }
      },
    },
  ]
}

function namedBy(role: Role | undefined, resource: string): Set<string> {
  return new Set(role?.grants.filter((grant) => grant.resource === resource).flatMap(({ scopes }) => scopes))
}

function hasScope({ resources }: Catalogue, identifier: string, scope: string): boolean {
  const resource = resources.find(({ resource }) => resource === identifier)
  return resource?.scopes.some(({ name }) => name === scope) === true
}

/** Of the scopes of a grant those that the roles allow; of an account all that they allow. */
function heldThrough(
  catalogue: Catalogue,
  { kind, resource: identifier, scopes, roles }: Holder,
): Set<string> {
  const resource = catalogue.resources.find(({ resource }) => resource === identifier)
  if (!resource) return new Set()
  const grantable = grantableScopes(catalogue, resource, roles)
  if (kind === 'account') return grantable
  return new Set([...expandScopes(resource, scopes)].filter((name) => grantable.has(name)))
}
