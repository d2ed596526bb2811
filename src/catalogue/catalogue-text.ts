import { stringify } from 'yaml'
import type { Resource, Scope } from '../permission/scopes.ts'
import type { Catalogue } from './catalogue.ts'

/** The catalogue as a file that `parseCatalogue` reads as the same catalogue; comments of the file it came from are lost. */
export function catalogueText({ resources, roles }: Catalogue): string {
  const file = {
    resources: resources.map(resourceBody),
    roles: Object.fromEntries(
      roles.map(({ name, grants }) => [
        name,
        Object.fromEntries(grants.map(({ resource, scopes }) => [resource, scopes])),
      ]),
    ),
  }
  // An alias for a list that two places share would be read back as two, but is harder for people.
  return stringify(file, { lineWidth: 0, aliasDuplicateObjects: false })
}

/** A resource as the file has it. */
export function resourceBody({ resource, name, default_scopes, scopes }: Resource) {
  const by_name = Object.fromEntries(scopes.map((scope) => [scope.name, scopeBody(scope)]))
  return { resource, name, default_scopes, scopes: by_name }
}

export function scopeBody({ description, tools, prompts, resources, includes, risk }: Omit<Scope, 'name'>) {
  return {
    description,
    tools,
    ...(prompts ? { prompts } : {}),
    ...(resources ? { resources } : {}),
    ...(includes.length > 0 ? { includes } : {}),
    ...(risk ? { risk } : {}),
  }
}
