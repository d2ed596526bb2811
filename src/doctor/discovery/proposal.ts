import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { Resource, Risk, Scope } from '../../permission/scopes.ts'
import type { Inventory, OfferedTool } from './inventory.ts'

export type ProposalOptions = {
  /** RFC 8707 identifier of the server: the URL that people type. */
  resource: string
  /** Shown to people; what the server calls itself when absent. */
  name?: string | undefined
  /** Of the scopes: `notes` makes `notes:read`. Made of the name when absent. */
  prefix?: string | undefined
}

/**
 * What a tool may do. By the MCP specification's defaults who says nothing may destroy; who says that it only reads, and
 * that it destroys, is believed in the worse.
 */
export function riskOfOffer({ read_only = false, destructive }: OfferedTool): Risk | undefined {
  if (read_only && destructive !== true) return 'read_only'
  return destructive === false ? undefined : 'destructive'
}

/**
 * Pure: a catalogue for one server, to be read and changed by people. A scope for each kind of tool that it has: those
 * that only read, those that write, those that may destroy; each includes the one before. Prompts and
 * resources are read. The mildest is asked for by
 * default.
 */
export function proposeCatalogue(inventory: Inventory, options: ProposalOptions): Catalogue {
  const name = options.name ?? inventory.server.name.slice(0, NAME_MAX)
  const prefix = options.prefix ?? prefixOf(name)
  const scopes = scopesFor(name, prefix, inventory)
  const mildest = scopes.slice(0, 1).map((scope) => scope.name)
  const resource: Resource = { resource: options.resource, name, default_scopes: mildest, scopes }
  return { resources: [resource], roles: rolesFor(prefix, resource, mildest) }
}

const NAME_MAX = 100

const KINDS: readonly { kind: string; risk: Risk | undefined; does: (name: string) => string }[] = [
  { kind: 'read', risk: 'read_only', does: (name) => `Read in ${name}` },
  { kind: 'write', risk: undefined, does: (name) => `Create and change in ${name}` },
  { kind: 'destructive', risk: 'destructive', does: (name) => `Delete or overwrite in ${name} for good` },
]

function scopesFor(name: string, prefix: string, { tools, prompts, resources }: Inventory): Scope[] {
  const scopes: Scope[] = []
  for (const { kind, risk, does } of KINDS) {
    const granted = tools.filter((tool) => riskOfOffer(tool) === risk).map((tool) => tool.name)
    // There is always one that may be asked for by default, which nothing that destroys may be.
    if (granted.length === 0 && kind !== 'read') continue
    const below = scopes.at(-1)
    scopes.push({
      name: `${prefix}:${kind}`,
      description: does(name),
      tools: granted,
      ...(kind === 'read' && prompts.length > 0 ? { prompts } : {}),
      ...(kind === 'read' && resources.length > 0 ? { resources } : {}),
      includes: below ? [below.name] : [],
      ...(risk ? { risk } : {}),
    })
  }
  return scopes
}

function rolesFor(prefix: string, { resource, scopes }: Resource, mildest: string[]): Catalogue['roles'] {
  const editor = { name: `${prefix}-editor`, grants: [{ resource, scopes: scopes.map(({ name }) => name) }] }
  return [{ name: `${prefix}-reader`, grants: [{ resource, scopes: mildest }] }, editor]
}

function prefixOf(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? []
  const named = words.filter((word) => !['mcp', 'server'].includes(word))
  return named.slice(0, 3).join('-') || 'tools'
}
