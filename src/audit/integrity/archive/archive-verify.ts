import { basename } from 'node:path'
import type { AuditRow } from '../../../audit-chain/hash-chain.ts'
import { sha256 } from '../../../base/digest.ts'
import { type ChainRun, missingRuns, runOf, sameRuns } from '../verification/chain-runs.ts'
import {
  FAULTS_KEPT,
  type FaultKind,
  missing,
  type Predecessor,
  withFaults,
} from '../verification/chain-verifier.ts'
import { predecessorFault } from '../verification/known-heads.ts'
import { MonthVerifier } from '../verification/month-verifier.ts'
import { findArchives, readIfThere } from './archive-files.ts'
import {
  baseName,
  MANIFEST_ENDING,
  type Manifest,
  manifestStatement,
  ROWS_ENDING,
  readManifest,
  SIGNATURE_ENDING,
} from './archive-format.ts'
import { ArchiveFault, readArchive } from './archive-reader.ts'
import type { Evidence } from './evidence.ts'

/** A fault of a file, or of a chain and then with its writer and seq. */
export type ArchiveFinding = {
  archive: string | null
  writer_id: string | null
  seq: number | null
  kind: FaultKind | 'file'
  message: string
}

export type ArchiveVerification = {
  archives: number
  signed: number
  /** Thumbprints of the keys that signed, where signatures were checked. Whose they are, the reader must know. */
  signers: string[]
  rows: number
  writers: number
  /** In the order found, the first 100. */
  faults: ArchiveFinding[]
  fault_count: number
  /** Chains whose first rows are in none of these archives. */
  begun_before: number
}

export type ArchiveVerifyOptions = {
  /** Without it signatures are counted but not checked. */
  check_signature?: Evidence['check_signature'] | undefined
  on_progress?: ((progress: { rows: number }) => void) | undefined
}

/** What is known of a directory once it was read. */
export type CheckedArchives = {
  verification: ArchiveVerification
  manifests: Manifest[]
  /** Pieces of chains between and before the archives. */
  missing: ChainRun[]
  /** Rows that other rows name and that are in none of the archives. */
  predecessors: Predecessor[]
}

type Opened = { path: string; manifest: Manifest }

/** Reads every archive at `path`, a directory or one file. Throws `not_found` when there is none. */
export async function checkArchives(
  path: string,
  options: ArchiveVerifyOptions = {},
): Promise<CheckedArchives> {
  const check = new ArchiveCheck(options)
  for (const base of await findArchives(path)) await check.open(base)
  for (const opened of check.opened) await check.read(opened)
  return check.finish()
}

/** Checks archives by themselves. What came before the first of them is not known, and said to be so. */
export async function verifyArchives(
  path: string,
  options: ArchiveVerifyOptions = {},
): Promise<ArchiveVerification> {
  const { verification, missing } = await checkArchives(path, options)
  const lost = missing.filter((run) => run.first_seq > 1)
  const findings = lost.map((run) => missingFinding(run, 'in none of these archives'))
  return { ...withFaults(verification, findings), begun_before: missing.length - lost.length }
}

export function missingFinding({ writer_id, first_seq, last_seq }: ChainRun, where: string): ArchiveFinding {
  const message = `${missing(first_seq, last_seq)} ${where}`
  return { archive: null, writer_id, seq: first_seq, kind: 'gap', message }
}

function placeOf({ writer_id, seq }: { writer_id: string; seq: number }): string {
  return `${writer_id} ${seq}`
}

/** Each archive against its manifest first, then how their chains go on from one to the next. */
class ArchiveCheck {
  readonly opened: Opened[] = []
  readonly #options: ArchiveVerifyOptions
  readonly #faults: ArchiveVerification['faults'] = []
  readonly #predecessors: Predecessor[] = []
  #fault_count = 0
  #rows = 0
  #signed = 0
  readonly #signers = new Set<string>()

  constructor(options: ArchiveVerifyOptions) {
    this.#options = options
  }

  async open(path: string): Promise<void> {
    const text = await readIfThere(path + MANIFEST_ENDING)
    const manifest = text === undefined ? undefined : readManifest(text)
    if (text === undefined || !manifest)
      return this.#report(path, { message: `has ${text === undefined ? 'no' : 'an unreadable'} manifest` })
    const name = baseName(manifest.partition, manifest.part)
    if (basename(path) !== name || manifest.file !== name + ROWS_ENDING)
      return this.#report(path, { message: `has the manifest of ${name}` })
    await this.#checkSignature(path, manifest, text)
    this.opened.push({ path, manifest })
  }

  async #checkSignature(path: string, manifest: Manifest, text: string): Promise<void> {
    const jws = await readIfThere(path + SIGNATURE_ENDING)
    const { check_signature } = this.#options
    if (jws !== undefined) this.#signed += 1
    if (!check_signature) return
    if (jws === undefined) return this.#report(path, { message: 'has a manifest without a signature' })
    const expected = manifestStatement(manifest, sha256(text)).sha256
    const signed = await check_signature(jws.trim()).catch(() => undefined)
    if (signed) this.#signers.add(signed.signer)
    if (signed?.statement.sha256 !== expected)
      this.#report(path, { message: 'has a manifest with a wrong signature' })
  }

  async read({ path, manifest }: Opened): Promise<void> {
    const verifier = new MonthVerifier()
    const [from, to] = [new Date(manifest.from), new Date(manifest.to)]
    try {
      await readArchive(path, manifest, (rows) => {
        for (const row of rows) {
          verifier.feedRow(row)
          if (row.occurred_at < from || row.occurred_at >= to)
            this.#report(path, {
              writer_id: row.writer_id,
              seq: row.seq,
              message: `row ${row.seq} is of another month`,
            })
        }
        this.#options.on_progress?.({ rows: this.#rows + verifier.rows })
      })
    } catch (error) {
      if (!(error instanceof ArchiveFault)) throw error
      this.#report(path, { message: error.message })
    }
    for (const fault of verifier.faults) this.#report(path, fault)
    this.#fault_count += verifier.fault_count - verifier.faults.length
    if (verifier.rows !== manifest.rows || !sameRuns(verifier.runs, manifest.runs))
      this.#report(path, { message: 'has a manifest that names other rows or chains' })
    this.#rows += verifier.rows
    this.#predecessors.push(...verifier.predecessors)
  }

  async finish(): Promise<CheckedArchives> {
    const manifests = this.opened.map(({ manifest }) => manifest)
    const runs = manifests.flatMap((manifest) => manifest.runs)
    const { missing, faults } = missingRuns(runs)
    for (const fault of faults) this.#report(undefined, fault)
    const predecessors = await this.#outsidePredecessors()
    const verification: ArchiveVerification = {
      archives: manifests.length,
      signed: this.#signed,
      signers: [...this.#signers],
      rows: this.#rows,
      writers: new Set(runs.map(({ writer_id }) => writer_id)).size,
      faults: this.#faults,
      fault_count: this.#fault_count,
      begun_before: 0,
    }
    return { verification, manifests, missing, predecessors }
  }

  /** Looks up the rows that other rows name, and gives those that are in no archive. */
  async #outsidePredecessors(): Promise<Predecessor[]> {
    const sought = Map.groupBy(this.#predecessors, placeOf)
    for (const { path, manifest } of this.opened) {
      if (![...sought.values()].flat().some((named) => runOf(manifest.runs, named))) continue
      const look = (row: AuditRow) => {
        for (const named of sought.get(placeOf(row)) ?? [])
          if (!row.hash.equals(named.hash)) this.#report(path, predecessorFault(named, true))
        sought.delete(placeOf(row))
      }
      await readArchive(path, manifest, (rows) => rows.forEach(look)).catch(() => undefined)
    }
    return [...sought.values()].flat()
  }

  #report(path: string | undefined, finding: Partial<ArchiveFinding> & { message: string }): void {
    this.#fault_count += 1
    if (this.#faults.length >= FAULTS_KEPT) return
    const archive = path === undefined ? null : basename(path)
    this.#faults.push({ archive, writer_id: null, seq: null, kind: 'file', ...finding })
  }
}
