import type { Knex } from 'knex'
import { z } from 'zod'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { actorText } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { diffCatalogues } from '../catalogue/catalogue-diff.ts'
import { applyCatalogue, catalogueDigest, currentCatalogue } from '../catalogue/catalogue-store.ts'
import { parseApart } from '../catalogue/parse-apart.ts'
import { countedEffect, countedEffects, effectLine } from './affected.ts'

/**
 * Replacing the catalogue: what it would change, what it would take from grants that live, and doing it. The command
 * line, the operator API, the pages and the start of a server call these functions and no other.
 */

export const catalogueComparison = z.object({
  faults: z.array(z.string()).describe('Every fault of the text; with any, nothing else is said'),
  version: z.int().describe('In force; 0 before the first'),
  digest: z.string().describe('Of the catalogue that was given'),
  changes: z.array(z.string()),
  effects: z.array(countedEffect).describe('Who gains and who loses, by each thing that is in use'),
})
type CatalogueComparison = z.infer<typeof catalogueComparison>

const NAMED_MAX = 50

/** The catalogue that a file says. Throws `invalid_input` with every fault, a line each. */
export async function catalogueOf(text: string): Promise<Catalogue> {
  const read = await parseApart(text)
  if ('faults' in read)
    throw new AppError('invalid_input', `The catalogue has faults:\n${read.faults.join('\n')}`)
  return read.catalogue
}

/** What applying the text would do. */
export async function compareCatalogue(db: Knex, text: string): Promise<CatalogueComparison> {
  const current = await currentCatalogue(db)
  const version = current?.version ?? 0
  const read = await parseApart(text)
  if ('faults' in read) return { faults: read.faults, version, digest: '', changes: [], effects: [] }
  return {
    faults: [],
    version,
    digest: catalogueDigest(read.catalogue),
    changes: diffCatalogues(current?.catalogue, read.catalogue),
    effects: current ? await countedEffects(db, current.catalogue, read.catalogue) : [],
  }
}

export type CatalogueExpectation = {
  expected_version?: number | undefined
  /** Of the catalogue that was looked at. */
  digest?: string | undefined
  /** The ids of effects that are meant; `gains` where all that takes nothing away is. */
  accept?: readonly string[] | 'gains' | undefined
}

/**
 * Puts the catalogue in force for the next tool call on any instance. What equals the one in force changes and records
 * nothing. Throws `conflict` when it is not the one with `digest`, or another version than `expected_version` is in force,
 * and when it would give more or less to somebody by what `accept` does not name.
 */
export async function changeCatalogue(
  dependencies: RecordingContext,
  catalogue: Catalogue,
  origin: ActionOrigin,
  { expected_version, digest, accept = [] }: CatalogueExpectation = {},
): Promise<{ version: number; changes: string[] }> {
  if (digest !== undefined && digest !== catalogueDigest(catalogue))
    throw new AppError('conflict', 'This is not the catalogue that was compared. Compare it again.')
  return recorded(dependencies, origin, async (trx, record) => {
    const current = await currentCatalogue(trx)
    if (current) await assertAccepted(trx, current.catalogue, catalogue, accept)
    const applied_by = actorText(origin.actor.kind, origin.actor.id)
    // What was counted is what is replaced, or somebody is told of the conflict.
    const replaced = expected_version ?? current?.version ?? 0
    const result = await applyCatalogue(trx, catalogue, applied_by, replaced)
    const { version, changes } = result
    if (changes.length > 0)
      record({ type: 'catalogue.applied', detail: { version, changes: changes.length } })
    return result
  })
}

async function assertAccepted(
  db: Knex,
  before: Catalogue,
  after: Catalogue,
  accept: readonly string[] | 'gains',
): Promise<void> {
  const open = (await countedEffects(db, before, after)).filter(({ id, lose }) =>
    accept === 'gains' ? lose.grants + lose.tokens + lose.accounts > 0 : !accept.includes(id),
  )
  if (open.length === 0) return
  const more = open.length > NAMED_MAX ? [`and ${open.length - NAMED_MAX} more`] : []
  throw new AppError(
    'conflict',
    [
      'Nothing was applied. This is in use and would be more or less; accept each by its name if it is meant:',
      ...open.slice(0, NAMED_MAX).map(effectLine),
      ...more,
    ].join('\n'),
  )
}
