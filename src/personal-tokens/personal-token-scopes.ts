import { AppError } from '../base/errors.ts'
import { type Catalogue, grantableScopes } from '../catalogue/catalogue.ts'
import { effectiveScopes, expandScopes, type Resource } from '../permission/scopes.ts'
import { isDestructive, tickedScopes } from '../permission/ticks.ts'

/**
 * What a personal access token is for. `read-only`: those of the resource's default scopes that are declared `read_only`,
 * with all that they include. `write`: every scope that destroys nothing. `custom`: scopes by name, each with all that it
 * includes. Always within what the roles of the account allow, and cut down to that again at every call.
 */
export const TOKEN_ROLES = ['read-only', 'write', 'custom'] as const
export type TokenRole = (typeof TOKEN_ROLES)[number]

/** Those of `scopes` that open only what is declared to read. What nothing is said of may write. */
function reading(resource: Resource, scopes: Iterable<string>): string[] {
  const declared = new Set(resource.scopes.filter(({ risk }) => risk === 'read_only').map(({ name }) => name))
  return [...scopes].filter((scope) =>
    [...expandScopes(resource, [scope])].every((each) => declared.has(each)),
  )
}

function inOrder(resource: Resource, scopes: Iterable<string>): string[] {
  const chosen = new Set(scopes)
  return resource.scopes.map(({ name }) => name).filter((name) => chosen.has(name))
}

/**
 * The scopes of a token of this role for an account with these roles, in the catalogue's order; `named` only for
 * `custom`. Throws `invalid_input` when nothing is left, or names what the account may not hold.
 */
export function scopesOfTokenRole(
  catalogue: Catalogue,
  resource: Resource,
  account_roles: readonly string[],
  { role, named }: { role: TokenRole; named: readonly string[] },
): string[] {
  const grantable = grantableScopes(catalogue, resource, account_roles)
  const denied = named.filter((scope) => !grantable.has(scope))
  if (role === 'custom' && denied.length > 0)
    throw new AppError('invalid_input', `The account may not hold ${denied.join(' ')} on ${resource.name}`)
  if (role !== 'custom' && named.length > 0)
    throw new AppError('invalid_input', 'Scopes are named for the role custom only')
  const wanted: Record<TokenRole, () => Iterable<string>> = {
    'read-only': () => reading(resource, effectiveScopes(resource, resource.default_scopes, grantable)),
    write: () => [...grantable].filter((scope) => !isDestructive(resource, scope)),
    custom: () => wholly(resource, grantable, named),
  }
  const scopes = inOrder(resource, wanted[role]())
  if (scopes.length === 0) throw new AppError('invalid_input', nothingLeft(resource, role))
  return scopes
}

/** What is named, when nothing is left out that it includes: a token opens what is named and no more. */
function wholly(resource: Resource, grantable: ReadonlySet<string>, named: readonly string[]): string[] {
  const given = tickedScopes(resource, [...grantable], named)
  const [fallen] = named.filter((scope) => !given.includes(scope))
  if (fallen === undefined) return given
  const missing = [...expandScopes(resource, [fallen])].filter((scope) => !named.includes(scope))
  throw new AppError(
    'invalid_input',
    `${fallen} includes ${inOrder(resource, missing).join(' and ')}: name that too, or leave ${fallen} out`,
  )
}

function nothingLeft(resource: Resource, role: TokenRole): string {
  return role === 'custom'
    ? 'Name at least one scope for the role custom'
    : `The roles of this account hold nothing on ${resource.name} that a ${role} token may have`
}
