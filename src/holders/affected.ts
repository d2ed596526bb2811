import type { Knex } from 'knex'
import { z } from 'zod'
import { type Catalogue, grantableScopes } from '../catalogue/catalogue.ts'
import {
  type CatalogueEffect,
  catalogueEffects,
  type Holder,
  type Touch,
} from '../catalogue/catalogue-effects.ts'
import { accountsByRoles, type GrantsAlike, grantsAlike } from './holder-store.ts'

/** Who would gain and who would lose by a catalogue: grants of clients, personal access tokens, and accounts. */
const touched = z.object({ grants: z.int(), tokens: z.int(), accounts: z.int() })

export const countedEffect = z.object({
  id: z.string().describe('As accept names it, such as tool:delete_note, scope:notes:write or role:editor'),
  resource: z.string().optional(),
  gain: touched.describe('Grants and tokens are withheld it until their people have seen it'),
  lose: touched.describe('From the next call on'),
  exact: z.boolean().describe('False: there may be more; not all grants or accounts were looked at'),
})
export type CountedEffect = z.infer<typeof countedEffect>

/** Over all resources together. */
const GRANTS_LOOKED_AT_MAX = 20_000
const ACCOUNTS_LOOKED_AT_MAX = 200_000

/** The effects that touch anybody. */
export async function countedEffects(
  db: Knex,
  before: Catalogue,
  after: Catalogue,
): Promise<CountedEffect[]> {
  const effects = catalogueEffects(before, after)
  if (effects.length === 0) return []
  const resources = before.resources.map(({ resource }) => resource)
  const look_at = Math.ceil(GRANTS_LOOKED_AT_MAX / Math.max(1, resources.length))
  const grants = await grantsAlike(db, resources, look_at)
  const accounts = await accountsByRoles(db, ACCOUNTS_LOOKED_AT_MAX)
  const holding = accounts.counts.map(({ roles, count }) => ({
    count,
    holders: holdersOf(before, after, roles),
  }))
  const exact = grants.complete && accounts.complete
  return effects
    .map((effect) => ({ ...countOf(effect, grants.counts, holding), exact }))
    .filter(({ gain, lose }) => [gain, lose].some((each) => each.grants + each.tokens + each.accounts > 0))
}

type Holding = { count: number; holders: Holder[] }

/** On each resource that there is or will be, what these roles allow now. */
function holdersOf(before: Catalogue, after: Catalogue, roles: readonly string[]): Holder[] {
  const named = new Map([...after.resources, ...before.resources].map((each) => [each.resource, each]))
  return [...named.values()].map((resource) => ({
    kind: 'account',
    resource: resource.resource,
    scopes: [...grantableScopes(before, resource, roles)],
    roles,
  }))
}

function countOf(effect: CatalogueEffect, grants: readonly GrantsAlike[], accounts: readonly Holding[]) {
  const gain = { grants: 0, tokens: 0, accounts: 0 }
  const lose = { grants: 0, tokens: 0, accounts: 0 }
  const add = (what: keyof typeof gain, count: number, touches: readonly Touch[]) => {
    if (touches.some(({ gains }) => gains)) gain[what] += count
    if (touches.some(({ loses }) => loses)) lose[what] += count
  }
  for (const { resource, scope, roles, is_personal, count } of grants) {
    const touch = effect.touches({ kind: 'grant', resource, scopes: scope.split(' '), roles })
    add(is_personal ? 'tokens' : 'grants', count, [touch])
  }
  for (const { count, holders } of accounts) add('accounts', count, holders.map(effect.touches))
  const { id, resource } = effect
  return { id, ...(resource === undefined ? {} : { resource }), gain, lose }
}

/** One effect for people: `tool:delete_note on https://…: 12 grants and 3 accounts gain`. */
export function effectLine({ id, resource, gain, lose, exact }: CountedEffect): string {
  const sides = [
    [gain, 'gain'],
    [lose, 'lose'],
  ] as const
  const said = sides.flatMap(([counts, verb]) => {
    const parts = (['grants', 'tokens', 'accounts'] as const)
      .filter((what) => counts[what] > 0)
      .map((what) => `${counts[what]} ${counts[what] === 1 ? what.slice(0, -1) : what}`)
    return parts.length > 0 ? [`${parts.join(', ')} ${verb}`] : []
  })
  const where = resource === undefined || id === `resource:${resource}` ? '' : ` on ${resource}`
  return `${id}${where}: ${exact ? '' : 'at least '}${said.join('; ')}`
}
