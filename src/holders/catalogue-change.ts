import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { actorText } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { diffCatalogues } from '../catalogue/catalogue-diff.ts'
import { parseCatalogue } from '../catalogue/catalogue-file.ts'
import { applyCatalogue, catalogueDigest, currentCatalogue } from '../catalogue/catalogue-store.ts'
import { consentedScopes } from './holder-store.ts'
import { type GrantCount, grantsByScope } from './holders.ts'

/**
 * Replacing the catalogue: what it would change, what it would take from grants that live, and doing it. The command
 * line, the operator API, the pages and the start of a server call these functions and no other.
 */

/** A scope that would vanish, and the live grants that have it. They stay, and it opens nothing for them. */
export type LostScope = { resource: string; scope: string; live_grants: GrantCount }

export type CatalogueComparison = {
  /** Every fault of the text; with any, nothing else is said. */
  faults: string[]
  /** In force; 0 before the first. What `expected_version` of an application names. */
  version: number
  digest: string
  changes: string[]
  lost_scopes: LostScope[]
}

/** Over all resources that lose scopes together. */
const GRANTS_LOOKED_AT_MAX = 20_000

/** The catalogue that a file says. Throws `invalid_input` with every fault, a line each. */
export function catalogueOf(text: string): Catalogue {
  const read = parseCatalogue(text)
  if ('faults' in read)
    throw new AppError('invalid_input', `The catalogue has faults:\n${read.faults.join('\n')}`)
  return read.catalogue
}

/** What applying the text would do. */
export async function compareCatalogue(db: Knex, text: string): Promise<CatalogueComparison> {
  const current = await currentCatalogue(db)
  const version = current?.version ?? 0
  const read = parseCatalogue(text)
  if ('faults' in read) return { faults: read.faults, version, digest: '', changes: [], lost_scopes: [] }
  return {
    faults: [],
    version,
    digest: catalogueDigest(read.catalogue),
    changes: diffCatalogues(current?.catalogue, read.catalogue),
    lost_scopes: current ? await lostScopes(db, current.catalogue, read.catalogue) : [],
  }
}

async function lostScopes(db: Knex, before: Catalogue, after: Catalogue): Promise<LostScope[]> {
  const remaining = new Map(
    after.resources.map(({ resource, scopes }) => [resource, new Set(scopes.map(({ name }) => name))]),
  )
  const losing = before.resources.flatMap((was) => {
    const gone = was.scopes.map(({ name }) => name).filter((name) => !remaining.get(was.resource)?.has(name))
    return gone.length > 0 ? [{ was, gone }] : []
  })
  if (losing.length === 0) return []
  const look_at = Math.ceil(GRANTS_LOOKED_AT_MAX / losing.length)
  const resources = losing.map(({ was }) => was.resource)
  const consented = await consentedScopes(db, resources, look_at)
  return losing.flatMap(({ was, gone }, index) => {
    const counts = consented[index] && grantsByScope(was, consented[index])
    return gone.map((scope) => ({
      resource: was.resource,
      scope,
      live_grants: counts?.get(scope) ?? { count: 0, exact: true },
    }))
  })
}

export type CatalogueExpectation = {
  expected_version?: number | undefined
  /** Of the catalogue that was looked at. */
  digest?: string | undefined
}

/**
 * Puts the catalogue in force for the next tool call on any instance. What equals the one in force changes and records
 * nothing. Throws `conflict` when it is not the one with `digest`, or another version than `expected_version` is in force.
 */
export async function changeCatalogue(
  dependencies: RecordingContext,
  catalogue: Catalogue,
  origin: ActionOrigin,
  { expected_version, digest }: CatalogueExpectation = {},
): Promise<{ version: number; changes: string[] }> {
  if (digest !== undefined && digest !== catalogueDigest(catalogue))
    throw new AppError('conflict', 'This is not the catalogue that was compared. Compare it again.')
  return recorded(dependencies, origin, async (trx, record) => {
    const result = await applyCatalogue(
      trx,
      catalogue,
      actorText(origin.actor.kind, origin.actor.id),
      expected_version,
    )
    const { version, changes } = result
    if (changes.length > 0)
      record({ type: 'catalogue.applied', detail: { version, changes: changes.length } })
    return result
  })
}
