import { actorText } from '../../audit-chain/actor.ts'
import { auditText } from '../../audit-chain/event-fields.ts'
import type { Tellable, Told } from '../events/event-definition.ts'

/** The words of sentences about events. Names that came from outside are cleaned once more, so that none steers a terminal. */
type Anything = Pick<Told<unknown>, 'event' | 'username' | 'client_name'>

const SHORT = 8

export function clean(text: unknown): string {
  return auditText(Array.isArray(text) ? text.join(' ') : String(text ?? ''), 300) ?? ''
}

/** The beginning of a token's or code's id: enough to tell those of one story apart. */
export function short(id: unknown): string {
  return typeof id === 'string' ? clean(id).slice(0, SHORT) : '?'
}

export function person({ event, username }: Anything): string {
  return clean(username ?? event.account_id ?? 'somebody')
}

export function client({ event, client_name }: Anything): string {
  const { client_id, detail } = event
  if (client_id === null && detail?.presented_client_id !== undefined)
    return `somebody who said to be ${clean(detail.presented_client_id)}`
  if (client_id === null) return 'a client'
  return client_name === undefined ? clean(client_id) : `${clean(client_name)} (${clean(client_id)})`
}

export function isBySelf({ actor_kind, actor_id, account_id }: Tellable): boolean {
  return actor_kind === 'account' && actor_id === account_id
}

/** An actor that is not the person whom the event is about, and why they did it. */
export function by({ event }: Anything): string {
  const why = event.detail?.reason
  const who = isBySelf(event) ? '' : ` by ${clean(actorText(event.actor_kind, event.actor_id))}`
  return why === undefined || why === null ? who : `${who} (${clean(why)})`
}

/** The error of OAuth, as it was answered. */
export function because({ event: { detail } }: Anything): string {
  const why = detail?.error_description ?? detail?.error ?? detail?.reason
  return why === undefined || why === null ? '' : ` (${clean(why)})`
}
