import { OPERATOR_ROLE } from '../../accounts/accounts.ts'
import { OPERATOR_SCOPES, type OperatorScope } from '../../accounts/operator-scopes.ts'
import { ACTIONS } from '../../actions/index.ts'
import type { Role } from '../../catalogue/catalogue.ts'
import type { BuiltIn } from '../../catalogue/catalogue-store.ts'
import { expandScopes, type Resource, type Scope } from '../../permission/scopes.ts'

/**
 * Toolgate's own resource: what operators do are its tools, under the same rules as the tools of any MCP server. It is
 * not in the catalogue file; two roles open it.
 */
const DESCRIPTIONS: Record<OperatorScope, string> = {
  'operator:read': 'See grants, clients, accounts and the audit log',
  'operator:revoke': 'Revoke grants, tokens and sessions',
  'operator:admin': 'Change accounts, clients, tokens and the catalogue',
}
const INCLUDES: Record<OperatorScope, readonly OperatorScope[]> = {
  'operator:read': [],
  'operator:revoke': ['operator:read'],
  'operator:admin': ['operator:revoke'],
}
/** By role: `operator` may do everything, `auditor` may look. */
const ROLES: Record<string, readonly OperatorScope[]> = {
  [OPERATOR_ROLE]: ['operator:admin'],
  auditor: ['operator:read'],
}

/** The URL that people give their MCP client, and the resource of tokens for the operator API. */
export function operatorResourceUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/operator/mcp`
}

export function operatorResource(issuer: string): Resource {
  return {
    resource: operatorResourceUrl(issuer),
    name: 'Toolgate operator',
    built_in: true,
    default_scopes: ['operator:read'],
    scopes: OPERATOR_SCOPES.map(
      (name): Scope => ({
        name,
        description: DESCRIPTIONS[name],
        tools: ACTIONS.filter(({ scope }) => scope === name).map((action) => action.name),
        includes: INCLUDES[name],
        risk: name === 'operator:read' ? 'read_only' : 'destructive',
      }),
    ),
  }
}

/** What every catalogue has besides what its file says. */
export function builtIn(issuer: string): BuiltIn {
  const resource = operatorResource(issuer)
  const roles = Object.entries(ROLES).map(
    ([name, scopes]): Role => ({ name, grants: [{ resource: resource.resource, scopes }] }),
  )
  return { resource, roles }
}

export const OPERATOR_ROLES: readonly string[] = Object.keys(ROLES)

/** The scopes that these roles hold on the built-in resource, with all that they include. */
export function operatorScopesOf(roles: readonly string[]): Set<string> {
  return expandOperatorScopes(roles.flatMap((role) => ROLES[role] ?? []))
}

/** The same for scopes that a token names. */
export function expandOperatorScopes(scopes: Iterable<string>): Set<string> {
  return expandScopes(operatorResource('http://localhost'), scopes)
}
