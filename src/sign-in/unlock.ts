import { z } from 'zod'
import { accountNamed } from '../accounts/accounts.ts'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { attemptsAgainst, forgetAttemptsAgainst, type Held } from './attempt-store.ts'

/** What failed sign-ins count against an account, for operators, and letting its owner try again. */
export const heldSchema = z.object({
  failures: z.int().describe('Of the network or browser that failed most often lately'),
  reached: z.int().describe('How many limits are reached: of networks, of browsers, or of the account'),
  forgotten_at: z.date().nullable().describe('When the last of them is forgotten by itself'),
})

export async function heldAgainst({ db }: Pick<RecordingContext, 'db'>, account_id: string): Promise<Held> {
  return attemptsAgainst(db, account_id)
}

/** Forgets the failed sign-ins of an account. `unlocked` says how many limits were reached; records nothing for none. */
export async function unlockAccount(
  dependencies: RecordingContext,
  name: string,
  origin: ActionOrigin,
): Promise<{ id: string; username: string; unlocked: number }> {
  const { id, username } = await accountNamed(dependencies.db, name)
  const unlocked = await recorded(dependencies, origin, async (trx, record) => {
    const reached = await forgetAttemptsAgainst(trx, id)
    if (reached > 0) record({ type: 'account.unlocked', account_id: id, detail: { limits: reached } })
    return reached
  })
  return { id, username, unlocked }
}
