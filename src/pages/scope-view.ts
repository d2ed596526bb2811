import { expandScopes, type Resource, type Scope } from '../permission/scopes.ts'

/** A scope as people read it, before they consent and after. Pure. */
export type ScopeView = {
  name: string
  description: string
  tools: readonly string[]
  prompts?: readonly string[] | undefined
  resources?: readonly string[] | undefined
  /** What it also opens, as the catalogue has it. */
  includes: { name: string; description: string }[]
  destructive: boolean
}

export function scopeView(resource: Resource, scope: Scope): ScopeView {
  const { name, description, tools, prompts, resources, risk } = scope
  const included = expandScopes(resource, [name])
  const includes = resource.scopes
    .filter((other) => other.name !== name && included.has(other.name))
    .map((other) => ({ name: other.name, description: other.description }))
  return { name, description, tools, prompts, resources, includes, destructive: risk === 'destructive' }
}
