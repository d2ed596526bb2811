import type { Knex } from 'knex'
import { z } from 'zod'
import { sha256 } from '../base/digest.ts'
import { AppError } from '../base/errors.ts'
import type { Resource } from '../permission/scopes.ts'
import { keyset, type Page, type PageWanted } from '../storage/keyset.ts'
import { type Catalogue, catalogueDocument, type Role } from './catalogue.ts'
import { diffCatalogues } from './catalogue-diff.ts'
import type { CatalogueHistory } from './held.ts'

/** A resource that every catalogue has although no file names it, and the roles that open it. */
export type BuiltIn = { resource: Resource; roles: readonly Role[] }

export type CatalogueVersion = { version: number; catalogue: Catalogue }

type Row = { version: number | string; document: Catalogue }

/** Appliers wait for each other, so that each prints its changes against what it replaces. */
const LOCK = [0x746f6f6c, 11]

/** The catalogue in force, or undefined when none was ever applied. */
export async function currentCatalogue(db: Knex): Promise<CatalogueVersion | undefined> {
  const row: Row | undefined = await db('catalogue_versions')
    .orderBy('version', 'desc')
    .first('version', 'document')
  return row && { version: Number(row.version), catalogue: row.document }
}

/** The number of the catalogue in force; versions only grow. */
export async function currentVersion(db: Knex): Promise<number | undefined> {
  const row: Row | undefined = await db('catalogue_versions').orderBy('version', 'desc').first('version')
  return row && Number(row.version)
}

/** The number of the catalogue that was in force at `time`; undefined before the first. */
export async function versionAsOf(db: Knex, time: Date): Promise<number | undefined> {
  const row: Row | undefined = await db('catalogue_versions')
    .where('applied_at', '<=', time)
    .orderBy('version', 'desc')
    .first('version')
  return row && Number(row.version)
}

/** Equal exactly for equal catalogues, whatever the layout of their files. */
export function catalogueDigest(catalogue: Catalogue): string {
  return sha256(catalogueDocument(catalogue)).toString('hex')
}

export type VersionRecord = { version: number; digest: string; applied_by: string; applied_at: Date }

const RECORD = ['version', 'digest', 'applied_by', 'applied_at'] as const

/** One version, or the one in force, with who applied it when. */
export async function findVersion(
  db: Knex,
  version?: number,
): Promise<(VersionRecord & { catalogue: Catalogue }) | undefined> {
  const query = db('catalogue_versions').orderBy('version', 'desc')
  if (version !== undefined) query.where({ version })
  const row: (VersionRecord & { document: Catalogue }) | undefined = await query.first(...RECORD, 'document')
  if (!row) return undefined
  const { document: catalogue, ...record } = row
  return { ...record, version: Number(record.version), catalogue }
}

/** Who applied what when, newest first, below the version `before`. */
/** Pages of versions, newest first. */
const versions = keyset(z.object({ version: z.int().min(1) }))

export function listVersions(db: Knex, page: PageWanted): Promise<Page<VersionRecord>> {
  return versions.page(page, async ({ limit, after }) => {
    const query = db('catalogue_versions')
      .orderBy('version', 'desc')
      .limit(limit)
      .select(...RECORD)
    if (after) query.where('version', '<', after.version)
    const rows: VersionRecord[] = await query
    return rows.map((row) => ({ ...row, version: Number(row.version) }))
  })
}

/**
 * Puts the catalogue in force, in one transaction. Answers the version then in force and what changed, one line each;
 * a catalogue equal to the one in force makes no new version and no changes. `catalogue` must come from
 * `parseCatalogue`. `applied_by` names who did it. Throws `conflict` when it would replace another version than
 * `expected_version` (0: none).
 */
export async function applyCatalogue(
  db: Knex,
  catalogue: Catalogue,
  applied_by: string,
  expected_version?: number,
): Promise<{ version: number; changes: string[] }> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?, ?)', LOCK)
    const current = await currentCatalogue(trx)
    const changes = diffCatalogues(current?.catalogue, catalogue)
    if (current && changes.length === 0) return { version: current.version, changes }
    const in_force = current?.version ?? 0
    if (expected_version !== undefined && expected_version !== in_force)
      throw new AppError(
        'conflict',
        `Version ${in_force} of the catalogue is in force, not ${expected_version}: somebody applied another. Compare again.`,
      )
    const row = { document: catalogueDocument(catalogue), digest: catalogueDigest(catalogue), applied_by }
    const rows: Row[] = await trx('catalogue_versions').insert(row).returning('version')
    return { version: Number(rows[0]?.version), changes }
  })
}

/** Of a hundred scopes and a thousand tools each takes about a megabyte. */
const KEPT_MAX = 128

type Entry = { loading: Promise<Catalogue | undefined>; loaded?: Catalogue }

const NEVER: Entry = { loading: Promise.resolve(undefined) }

/**
 * Holds the catalogues that were asked for last; a version never changes. The hot path reads the number of the version
 * in force with every lookup, so that a catalogue applied anywhere counts from the next tool call on.
 */
export class CatalogueCache {
  readonly #built_in: BuiltIn | undefined
  /** In the order of their use. */
  readonly #versions = new Map<number, Entry>()

  constructor(built_in?: BuiltIn) {
    this.#built_in = built_in
  }

  /** The catalogue of that version, from the database only when it is not held. Throws for an unknown one. */
  async at(db: Knex, version: number): Promise<Catalogue> {
    const catalogue = await this.#entry(db, version).loading
    if (!catalogue) throw new Error(`catalogue version ${version} does not exist`)
    return catalogue
  }

  #entry(db: Knex, version: number): Entry {
    const known = this.#versions.get(version)
    const entry: Entry = known ?? {
      loading: load(db, version).then((catalogue) => catalogue && withBuiltIn(catalogue, this.#built_in)),
    }
    this.#versions.delete(version)
    this.#versions.set(version, entry)
    if (known) return known
    const [oldest] = this.#versions.keys()
    if (this.#versions.size > KEPT_MAX && oldest !== undefined) this.#versions.delete(oldest)
    // What could not be read, or is not there, is asked for again next time.
    const forget = () => this.#versions.get(version) === entry && this.#versions.delete(version)
    entry.loading.then(
      (catalogue) => (catalogue ? Object.assign(entry, { loaded: catalogue }) : forget()),
      forget,
    )
    return entry
  }

  /**
   * The catalogue of the version in force with those of other versions, from memory where all are held. A version that
   * never was opens nothing.
   */
  async history(db: Knex, version: number, others: readonly number[] = []): Promise<CatalogueHistory> {
    const entry = this.#entry(db, version)
    const now = entry.loaded ?? (await this.at(db, version))
    const held = new Map<number, Catalogue>()
    for (const other of new Set(others)) {
      // Scopes of a grant that nobody was shown have no version.
      const { loaded, loading } = other === 0 ? NEVER : this.#entry(db, other)
      const catalogue = loaded ?? (await loading)
      if (catalogue) held.set(other, catalogue)
    }
    return { now, at: (each) => (each === version ? now : held.get(each)) }
  }

  /** The catalogue in force, or undefined when none was ever applied. */
  async current(db: Knex): Promise<CatalogueVersion | undefined> {
    const version = await currentVersion(db)
    return version === undefined ? undefined : { version, catalogue: await this.at(db, version) }
  }

  /** The same with those that people consented under. */
  async currentHistory(db: Knex, others: readonly number[]): Promise<CatalogueHistory | undefined> {
    const version = await currentVersion(db)
    return version === undefined ? undefined : this.history(db, version, others)
  }

  /** The roles that accounts may have now; the built-in ones are there before any catalogue. */
  async roles(db: Knex): Promise<readonly Role[]> {
    return (await this.current(db))?.catalogue.roles ?? this.#built_in?.roles ?? []
  }
}

function withBuiltIn({ resources, roles }: Catalogue, built_in: BuiltIn | undefined): Catalogue {
  if (!built_in) return { resources, roles }
  return { resources: [...resources, built_in.resource], roles: [...roles, ...built_in.roles] }
}

async function load(db: Knex, version: number): Promise<Catalogue | undefined> {
  const row: Row | undefined = await db('catalogue_versions').where({ version }).first('document')
  return row?.document
}
