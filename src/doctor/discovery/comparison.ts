import type { Resource } from '../../permission/scopes.ts'
import { riskOfScopes, scopesFor, scopesForTool } from '../../permission/scopes.ts'
import { terminalText } from '../crawl/display-text.ts'
import type { Inventory, OfferedTool } from './inventory.ts'
import { riskOfOffer } from './proposal.ts'

/** What does not fit between a server and its part of the catalogue; each list by name. */
export type Comparison = {
  /** The server has them and no scope grants them, so that every use is denied. */
  unmapped: string[]
  unmapped_prompts: string[]
  unmapped_resources: string[]
  /** The catalogue has them and the server does not. */
  gone: string[]
  /** Listed as read only, and the server says that they are not. */
  not_read_only: string[]
  /** The server says that they destroy, and the catalogue does not. */
  not_marked_destructive: string[]
}

/** Pure: holds what a server offers against what the catalogue says of it. */
export function compareWithCatalogue(
  { tools: offered, prompts, resources }: Pick<Inventory, 'tools' | 'prompts' | 'resources'>,
  resource: Resource,
): Comparison {
  const known = resource.scopes.flatMap(({ tools }) => tools)
  const names = new Set(offered.map(({ name }) => name))
  const mapped = offered.filter(({ name }) => scopesForTool(resource, name).length > 0)
  const risk = ({ name }: OfferedTool) => riskOfScopes(resource, scopesForTool(resource, name))
  return {
    unmapped: offered.map(({ name }) => name).filter((name) => scopesForTool(resource, name).length === 0),
    unmapped_prompts: prompts.filter((name) => scopesFor(resource, 'prompts', name).length === 0),
    unmapped_resources: resources.filter((uri) => !grantsAll(resource, uri)),
    gone: [...new Set(known)].filter((name) => !names.has(name)).sort(),
    not_read_only: mapped
      .filter((tool) => risk(tool) === 'read_only' && riskOfOffer(tool) !== 'read_only')
      .map(({ name }) => name),
    // Only where the server says so itself: what it merely does not deny was for people to decide.
    not_marked_destructive: mapped
      .filter((tool) => tool.destructive === true && risk(tool) !== 'destructive')
      .map(({ name }) => name),
  }
}

/** A template is granted by a wildcard that is as wide. */
function grantsAll(resource: Resource, uri: string): boolean {
  if (!uri.endsWith('*')) return scopesFor(resource, 'resources', uri).length > 0
  const wildcards = resource.scopes.flatMap(({ resources = [] }) =>
    resources.filter((each) => each.endsWith('*')),
  )
  return wildcards.some((wide) => uri.startsWith(wide.slice(0, -1)))
}

/** Each as a sentence that says what to do, with the server's names fit for a terminal. */
export function comparisonLines(comparison: Comparison): string[] {
  const { unmapped, unmapped_prompts, unmapped_resources, gone, not_read_only, not_marked_destructive } =
    comparison
  return [
    ...[...unmapped, ...unmapped_prompts, ...unmapped_resources].map(
      (name) => `${name}: no scope grants it, so that every use is denied; list it under a scope`,
    ),
    ...gone.map((name) => `${name}: the server has it no more; take it out of the catalogue`),
    ...not_read_only.map(
      (name) =>
        `${name}: is under a scope with risk read_only, but the server does not say that it only reads`,
    ),
    ...not_marked_destructive.map(
      (name) => `${name}: the server says that it destroys; its scope needs risk: destructive`,
    ),
  ].map(terminalText)
}
