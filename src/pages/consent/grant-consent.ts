import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { Provider } from 'oidc-provider'
import { runInTransaction } from '../../authorization-server/tokens/unit-of-work.ts'
import { receiverName } from '../../clients/registration/receiver.ts'
import { keepConsent } from '../../grants/grant-store.ts'
import type { ConsentDecision } from './consent.ts'
import type { Interaction } from './interaction.ts'

/**
 * Turns a person's answer into a grant of its own: one authorization, one grant. Returns the grant's id. `trx` also takes
 * the event of the consent.
 */
export async function saveGrant(
  provider: Provider,
  trx: Knex.Transaction,
  interaction: Interaction & { account_id: string; resource: string },
  decision: Omit<ConsentDecision, 'opened'> & { catalogue_version: number },
): Promise<string> {
  const grant = new provider.Grant({ accountId: interaction.account_id, clientId: interaction.client_id })
  // Without a prefix some ids would begin with a dash, which a command line takes for an option.
  grant.jti = `gr_${randomBytes(16).toString('base64url')}`
  grant.addResourceScope(interaction.resource, decision.granted.join(' '))
  if (decision.rejected.length > 0)
    grant.rejectResourceScope(interaction.resource, decision.rejected.join(' '))
  const id = await runInTransaction(trx, () => grant.save())
  const { catalogue_version, limit_seconds } = decision
  const receiver = receiverName(interaction.redirect_uri)
  await keepConsent(trx, id, { receiver, catalogue_version, limit_seconds })
  return id
}
