import type { Command } from 'commander'
import { readInput } from '../../actions/action.ts'
import { verifyAudit } from '../../actions/audit.ts'
import { verifyLog } from '../../audit/integrity/archive/verify-log.ts'
import { readCheckpointFile } from '../../audit/integrity/checkpoints/checkpoint-file.ts'
import type { ChainFault } from '../../audit/integrity/verification/chain-verifier.ts'
import type { Verification, VerifyProgress } from '../../audit/integrity/verification/verify.ts'
import type { ChainHead } from '../../audit-chain/hash-chain.ts'
import { type AuditCliContext, isDatabaseConfigured, type Open, withContext } from '../context.ts'
import { addMembers, typedInput } from '../members.ts'
import { printResult, wrongUsageEndsWith } from '../output.ts'
import { verifyArchive } from './audit-archive.ts'
import { verifyLocalLog } from './audit-import.ts'
import { readKey, verifyProofFile } from './audit-proof.ts'

type VerifyOptions = {
  checkpoint?: string
  archive?: string
  offline?: true
  proof?: string
  key?: string
  progress?: true
  json?: true
}

/** 0: whole; 1: something is wrong; 2: it is not known, because the log could not be read. */
const EXIT = { faults: 1, unchecked: 2 } as const
const PROGRESS_MS = 200

/** Adds `audit verify`: the log in the database, archives of it, one proof, or the local log of an MCP server. */
export function registerAuditVerify(audit: Command, open: Open<AuditCliContext>): void {
  const command = wrongUsageEndsWith(EXIT.unchecked, audit.command('verify'))
  addMembers(command, verifyAudit)
  command
    .description(
      'Recomputes every hash; ends with 1 when a row was changed, moved or removed, 2 when it cannot tell.',
    )
    .argument('[file]', 'check this call log of an MCP server in mode none instead; needs no database')
    .option('--checkpoint <file>', 'rows that these checkpoints name must be there')
    .option(
      '--archive <path>',
      'check a directory of archives, or one of them, and the log when a database is configured',
    )
    .option('--offline', 'check only the archives')
    .option('--proof <file>', 'check this proof of one event instead; needs no database')
    .option('--key <key>', 'the thumbprint, or a file with the JWK, that must have signed')
    .option('--progress', 'show progress on stderr also where that is no terminal')
    .option('--json', 'the result as JSON')
    .action((file: string | undefined, options: VerifyOptions) => {
      const { archive, offline, proof } = options
      if (file !== undefined) return verifyFile(file, options)
      if (proof !== undefined) return verifyProofFile(proof, options)
      if (archive === undefined) return run(open, command, options)
      return verifyArchive(offline || !isDatabaseConfigured() ? undefined : open, { ...options, archive })
    })
}

async function verifyFile(file: string, { progress, json, ...others }: VerifyOptions): Promise<void> {
  const [other] = Object.keys(others)
  if (other !== undefined) {
    console.error(`toolgate: --${other} is about the audit log in a database, and not about ${file}`)
    process.exitCode = EXIT.unchecked
    return
  }
  await verifyLocalLog(file, { ...(progress && { progress }), ...(json && { json }) })
}

/** Whatever keeps it from checking ends with 2, so that 1 always means that the log is not whole. */
async function run(open: Open<AuditCliContext>, command: Command, options: VerifyOptions): Promise<void> {
  try {
    const { from, to } = readInput(verifyAudit, typedInput(verifyAudit, command))
    const heads = await knownHeads(options)
    const on_progress = progressTo(process.stderr, options)
    const result = await withContext(open, ({ db, evidence }) =>
      verifyLog(db, {
        check_signature: evidence.check_signature,
        from,
        to,
        ...(heads && { known_heads: heads }),
        on_progress,
      }),
    )
    if (on_progress && result.rows > 0) process.stderr.write('\n')
    printResult(result, verdict(result), options)
    if (result.fault_count > 0) process.exitCode = EXIT.faults
  } catch (error) {
    console.error(`toolgate: the audit log was not checked: ${reasonOf(error)}`)
    process.exitCode = EXIT.unchecked
  }
}

async function knownHeads({ checkpoint, key }: VerifyOptions): Promise<ChainHead[] | undefined> {
  if (checkpoint === undefined) return undefined
  const public_key = key === undefined ? undefined : await readKey(key)
  return readCheckpointFile(checkpoint, { public_key })
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** One line, written over and over. */
function progressTo(
  stream: NodeJS.WriteStream,
  options: VerifyOptions,
): ((progress: VerifyProgress) => void) | undefined {
  if (!options.progress && !stream.isTTY) return undefined
  const began_ms = performance.now()
  let shown_ms = 0
  return ({ rows, share }) => {
    const now_ms = performance.now()
    if (now_ms - shown_ms < PROGRESS_MS && share < 1) return
    shown_ms = now_ms
    const rate = Math.round((rows * 1_000) / Math.max(now_ms - began_ms, 1))
    stream.write(`\r${rows} rows, ${rate} a second, ${Math.floor(share * 100)} % `)
  }
}

/** A gap that is explained is no fault, and is never passed over in silence. */
function explainedLines({ explained_gaps = [] }: Verification): string[] {
  return explained_gaps.map(
    ({ writer_id, first_seq, last_seq }) =>
      `Explained gap: rows ${first_seq} to ${last_seq} of writer ${writer_id} were lost when a backup was restored; see the event audit.restored.`,
  )
}

function verdict(result: Verification): string[] {
  const { rows, writers, faults, fault_count } = result
  const checked = `${rows} rows of ${writers} writers`
  const [first] = faults
  const given = [
    ...(result.taken_as_given
      ? [`Of ${result.taken_as_given} chains the row before was taken as it is stored.`]
      : []),
    ...explainedLines(result),
  ]
  if (!first) {
    const against =
      result.known_heads === undefined ? '' : `, and has all ${result.known_heads} rows that were kept`
    return [`The audit log is whole: ${checked}${against}.`, ...given]
  }
  const head = `The audit log is NOT whole: ${fault_count} faults in ${checked}.`
  const lines = faults.map((fault) => `  ${placeOf(fault)} ${fault.kind}: ${fault.message}`)
  const more = fault_count > faults.length ? [`  and ${fault_count - faults.length} more`] : []
  return [head, `First bad row: ${placeOf(first)}.`, ...lines, ...more, ...given]
}

function placeOf({ writer_id, seq, event_id, occurred_at }: ChainFault): string {
  const event = event_id === undefined ? '' : ` (event ${event_id}${occurred_at ? ` of ${occurred_at}` : ''})`
  return `writer ${writer_id} seq ${seq}${event}`
}
