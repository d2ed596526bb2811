import type { Knex } from 'knex'
import { AppError } from '../../../base/errors.ts'
import type { Evidence } from '../archive/evidence.ts'
import { type ExpectedKey, readCheckpoint, signCheckpoint } from './checkpoint.ts'
import type { CheckpointKey } from './checkpoint-key.ts'
import { deliveryTo } from './checkpoint-sinks.ts'
import { newestCheckpoint, nextPayload } from './checkpoint-store.ts'

export type EvidenceSource = {
  db: Knex
  issuer: string
  /** Asked for only when something is to be signed. */
  key: () => Promise<CheckpointKey>
  /** Where checkpoints go, as in TOOLGATE_AUDIT_CHECKPOINT_SINKS. */
  sinks: readonly string[]
}

/** Statements about files and closings are signed as checkpoints that say what they close; so sinks take them too. */
export function checkpointEvidence({ db, issuer, key, sinks }: EvidenceSource): Evidence {
  return {
    async sign(statement) {
      const payload = { ...(await nextPayload(db, issuer)), closes: statement }
      return signCheckpoint(await key(), payload)
    },
    check_signature: (jws) => checkClosingSignature(jws),
    newest_checkpoint: async () => (await newestCheckpoint(db))?.jws,
    async publish(jws) {
      for (const place of sinks) {
        const { name, deliver } = deliveryTo(place)
        await deliver(jws, new AbortController().signal).catch((cause) => {
          throw new AppError('unavailable', `${name} does not take the closing, so nothing is dropped`, {
            cause,
          })
        })
      }
    },
  }
}

/**
 * Checks the signature of a statement as `readCheckpoint` does. Throws `invalid_input` when it is not genuine or not about
 * a file or a closing.
 */
export async function checkClosingSignature(
  jws: string,
  expected?: ExpectedKey,
): ReturnType<Evidence['check_signature']> {
  const { closes, thumbprint } = await readCheckpoint(jws, expected)
  if (!closes)
    throw new AppError('invalid_input', 'The signature is about nothing that was archived or closed')
  return { statement: closes, signer: thumbprint }
}
