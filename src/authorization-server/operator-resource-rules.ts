import { interactionPolicy } from 'oidc-provider'
import { findResource } from '../catalogue/catalogue.ts'
import type { Resource } from '../permission/scopes.ts'
import { catalogueInForce, type ResourceDependencies } from './resource-indicators.ts'

/**
 * What Toolgate's own resource asks for beyond any other, because whoever has it has everything: a client that an
 * operator added, a password typed just now, and a grant that ends with the working day.
 */
const FRESH_SECONDS = 5 * 60
const GRANT_TTL_SECONDS = 8 * 60 * 60

/** How long a grant of this resource lives at most; undefined where there is nothing beyond what is configured. */
export function grantLimitSeconds({ built_in }: Resource): number | undefined {
  return built_in && GRANT_TTL_SECONDS
}

/** Asks for the password again where the sign-in of this browser is not of these minutes. */
export function freshPassword(dependencies: Omit<ResourceDependencies, 'access_token_ttl_seconds'>) {
  const { Check } = interactionPolicy
  return new Check('operator_resource', 'the password is asked again for this resource', async (ctx) => {
    const { params, session, result } = ctx.oidc
    // Whoever answered the consent of this very request was let there by this check, however long they read.
    if (result?.login || result?.consent || !session?.accountId || !session.past(FRESH_SECONDS))
      return Check.NO_NEED_TO_PROMPT
    const catalogue = await catalogueInForce(dependencies)
    const asked = [params?.resource].flat().map((each) => catalogue && findResource(catalogue, String(each)))
    return asked.some((resource) => resource?.built_in) ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT
  })
}
