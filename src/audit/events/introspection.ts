import { explainInactive } from '../explanation/inactive-token.ts'
import { explainResourceServer } from '../explanation/refusals.ts'
import { API } from '../export/ocsf-classes.ts'
import { clean, client, short } from '../story/words.ts'
import { event, type Optional } from './event-definition.ts'

/** `fault`: why its assertion does not count, whoever signed it. */
type Refused = { presented_client_id: string } & Optional<{
  authentication: 'private_key_jwt'
  fault: string
}>
/** `reason`: why it is not active. */
type Introspection = { resource_server: string } & Optional<{ reason: Reason }>
type Reason = 'not_live' | 'wrong_resource' | 'resource_not_in_catalogue'

export const INTROSPECTION_EVENTS = {
  /** Whoever asked did not prove to be a resource server. */
  'introspection.refused': event<Refused>('nothing', API.read, {
    sentence: (told) =>
      `${client(told)} asked about a token and is no resource server${told.detail.fault ? ` (${clean(told.detail.fault)})` : ''}`,
    failure: 'failed',
    explain: explainResourceServer,
  }),
  'token.introspected': event<Introspection>('nothing', API.read, {
    sentence: ({ event }) => `introspection ${clean(event.decision)}, token ${short(event.token_id)}`,
    explain: (facts) => (facts.event.decision === 'inactive' ? explainInactive(facts) : undefined),
    is_frequent: true,
  }),
}
