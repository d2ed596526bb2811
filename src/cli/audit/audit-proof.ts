import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { eventLine } from '../../audit/export/event-line.ts'
import { checkProof, writeProof } from '../../audit/integrity/checkpoints/proof.ts'
import { proveEvent } from '../../audit/integrity/checkpoints/proof-store.ts'
import { AppError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import type { CliContext, Open } from '../context.ts'
import { type OutputOptions, printResult } from '../output.ts'
import { withCheckpointKey } from './audit-checkpoint.ts'

/** `audit prove ID`: one event, provable to somebody who sees nothing else of the log. */
export function registerAuditProveCommand(audit: Command, open: Open<CliContext>): void {
  audit
    .command('prove')
    .argument('<id>', 'the id of an event')
    .description('a proof of one event, by its id, to be checked with audit verify --proof')
    .option('-o, --output <file>', 'write it to this file, instead of printing it')
    .option('--json', 'a proof is always JSON')
    .action((id: string, options: OutputOptions & { output?: string }) =>
      withCheckpointKey(open, async (making) => {
        const text = writeProof(await proveEvent(making, id))
        if (options.output === undefined) process.stdout.write(text)
        else await writeFile(options.output, text)
      }),
    )
}

/**
 * `audit verify --proof FILE [--key KEY]`: checks a proof without any database. `key` is a thumbprint, or a file
 * with a JWK. A proof that is not good ends with status 1 and what is wrong with it.
 */
export async function verifyProofFile(
  file: string,
  options: OutputOptions & { key?: string | undefined },
): Promise<void> {
  const public_key = options.key === undefined ? undefined : await readKey(options.key)
  const { event, hash, checkpoint } = await checkProof(await readFile(file), { public_key })
  const { issuer, created_at, thumbprint } = checkpoint
  const result = {
    event: { ...event, hash: hash.toString('hex') },
    issuer,
    created_at,
    thumbprint,
    key_given: public_key !== undefined,
  }
  const trust =
    public_key === undefined
      ? 'Whether that is the key of this log you must know: compare it with what you were given, or name it with --key.'
      : 'That is the key that you named.'
  const lines = [
    'The proof is good. This event is proven:',
    `  ${eventLine(event)}`,
    `It was in the audit log of ${issuer} by ${created_at.toISOString()}, as row ${event.seq} of writer ${event.writer_id},`,
    'exactly as shown here. It is not proven what the log holds today, nor that nothing else happened.',
    `Signed with the key ${thumbprint}. ${trust}`,
  ]
  printResult(result, lines, options)
}

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/

/** A key as `--key` names it: a thumbprint, or a file with a JWK. Throws `invalid_input` for anything else. */
export async function readKey(key: string): Promise<string | { kty: string }> {
  if (THUMBPRINT.test(key)) return key
  const text = await readFile(key, 'utf8')
  const value = parseJson(text) as { public_key?: { kty: string }; kty: string } | null | undefined
  // What `audit key --json` prints, or the JWK alone.
  const jwk = value?.public_key ?? value
  if (typeof jwk?.kty === 'string') return jwk
  throw new AppError(
    'invalid_input',
    `${key} is neither a thumbprint nor a file with a JWK; see toolgate audit key`,
  )
}
