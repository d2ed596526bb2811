import type { Command } from 'commander'
import { readCheckpoint } from '../../audit/integrity/checkpoints/checkpoint.ts'
import {
  type CheckpointKey,
  generateCheckpointKey,
  loadCheckpointKey,
} from '../../audit/integrity/checkpoints/checkpoint-key.ts'
import { appendCheckpoint } from '../../audit/integrity/checkpoints/checkpoint-sinks.ts'
import { type CheckpointMaking, makeCheckpoint } from '../../audit/integrity/checkpoints/checkpointer.ts'
import { loadConfig } from '../../config/config.ts'
import { type CliContext, type Open, withContext } from '../context.ts'
import { type OutputOptions, printResult } from '../output.ts'

/** What needs the key that signs checkpoints: showing its public part, and signing now. */
async function configuredKey(): Promise<CheckpointKey> {
  const { audit, database } = loadConfig()
  return loadCheckpointKey({ audit_key: audit.key, data_dir: database.data_dir })
}

/** What signing needs, for as long as `work` runs. */
export async function withCheckpointKey<T>(
  open: Open<CliContext>,
  work: (making: CheckpointMaking) => Promise<T>,
): Promise<T> {
  const key = await configuredKey()
  return withContext(open, ({ db, issuer }) => work({ db, key, issuer }))
}

/** `audit key` and `audit key create`. */
export function registerAuditKeyCommands(audit: Command): void {
  audit
    .command('key')
    .description('print the public key that checkpoints are signed with, to be kept by those who check them')
    .option('--json', 'print JSON')
    .action(async (options: OutputOptions) => {
      const { thumbprint, public_key } = await configuredKey()
      const lines = [`thumbprint: ${thumbprint}`, `public key: ${JSON.stringify(public_key)}`]
      printResult({ thumbprint, public_key }, lines, options)
    })
    .command('create')
    .description('print a new private key for TOOLGATE_AUDIT_KEY or TOOLGATE_AUDIT_KEY_FILE')
    .action(async () => console.log(await generateCheckpointKey()))
}

/** `audit checkpoint`. */
export function registerAuditCheckpointCommand(audit: Command, open: Open<CliContext>): void {
  audit
    .command('checkpoint')
    .description('sign what the log holds now; keep it outside the database')
    .option('-o, --output <file>', 'append it to this file as one line, instead of printing it')
    .option('--json', 'print what it says as JSON')
    .action((options: OutputOptions & { output?: string }) =>
      withCheckpointKey(open, async (making) => {
        const jws = await makeCheckpoint(making)
        if (options.output !== undefined) await appendCheckpoint(options.output, jws)
        const { issuer, created_at, heads, thumbprint } = await readCheckpoint(jws)
        const said = {
          issuer,
          created_at,
          heads: heads.map((head) => ({ ...head, hash: head.hash.toString('hex') })),
          thumbprint,
          jws,
        }
        const where = `Signed with the key ${thumbprint}, appended to ${options.output}.`
        printResult(said, [options.output === undefined ? jws : where], options)
      }),
    )
}
