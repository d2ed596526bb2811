import type { Activity } from '../../audit/query/activity.ts'

/** What happened, in words for the person whom it happened to. Pure. */
export type Names = {
  /** What the app of an event is called. */
  app(event: Activity['event']): string
  resource(identifier: string | null): string
  /** Scopes in plain words. */
  scopes(identifier: string | null, scope: string | null): string
}

export type ActivityText = {
  /** Before the tool, where one is told of. */
  text: string
  tool?: string
  after?: string
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function isOwn({ actor_kind, actor_id }: Activity['event'], account_id: string): boolean {
  return actor_kind === 'account' && actor_id === account_id
}

function called({ event, count }: Activity, names: Names): ActivityText {
  const method = event.detail?.method
  const asked = typeof method === 'string' ? method : 'its tools'
  if (event.tool === null)
    return {
      text: `${names.app(event)} asked ${names.resource(event.resource)} for ${asked} ${times(count)}`,
    }
  return { text: `${names.app(event)} called`, tool: event.tool, after: times(count) }
}

type Sentence = (entry: Activity, names: Names, account_id: string) => string

const SENTENCES: Readonly<Record<string, Sentence>> = {
  'account.changed': ({ event }, _, me) =>
    isOwn(event, me) ? 'You changed your account' : 'Your account was changed by those who run this server',
  'account.created': () => 'Your account was made',
  'authorization.denied': ({ event }, names) => `You did not allow ${names.app(event)} anything`,
  'authorization.refused': ({ event }, names) => `${names.app(event)} could not be connected`,
  'consent.given': ({ event }, names) =>
    `You allowed ${names.app(event)} to use ${names.resource(event.resource)}: ${names.scopes(event.resource, event.scope)}`,
  'grant.narrowed': ({ event }, names, me) =>
    `${isOwn(event, me) ? 'You' : 'Those who run this server'} narrowed what ${names.app(event)} may do to: ${names.scopes(event.resource, event.scope)}`,
  'grant.revoked': ({ event }, names, me) =>
    `${isOwn(event, me) ? 'You' : 'Those who run this server'} disconnected ${names.app(event)}`,
  'login.failed': ({ count }) =>
    count === 1 ? 'A sign-in with your username failed' : `${count} sign-ins with your username failed`,
  'login.succeeded': () => 'You signed in',
  'operator.refused': ({ count }) => `You were refused a page or call of operators ${times(count)}`,
  'refresh_token.reused': ({ event }, names) =>
    `${names.app(event)} was disconnected, because one of its tokens was used twice; it may have been copied`,
  'token.refused': ({ event, count }, names) => `${names.app(event)} was refused a token ${times(count)}`,
  'token.revoked': ({ event }, names) => `${names.app(event)} gave back a token`,
}

/** `personal_access_token.created` → `Personal access token created`. */
function plainName(type: string): string {
  const words = type.replaceAll(/[._]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export function activityText(entry: Activity, names: Names, account_id: string): ActivityText {
  const { type } = entry.event
  if (type === 'tool.decided') return called(entry, names)
  const sentence = Object.hasOwn(SENTENCES, type) ? SENTENCES[type] : undefined
  return { text: sentence?.(entry, names, account_id) ?? plainName(type) }
}
