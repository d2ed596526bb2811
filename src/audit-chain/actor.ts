/**
 * Who acted. Whoever did not authenticate is `unauthenticated`, whatever they said they were; that stands in the detail of
 * the event, if anywhere.
 */
const NAMED = ['account', 'cli', 'client', 'operator_token', 'resource_server'] as const
/** A person at their own machine, in mode `none`; the program that writes the log, of its own accord; and nobody. */
const UNNAMED = ['local_user', 'server', 'unauthenticated'] as const

/** A `cli` is whoever runs commands at a machine, `user@host`; a `client` acts for itself. */
export type Actor =
  | { kind: (typeof NAMED)[number]; id: string }
  | { kind: (typeof UNNAMED)[number]; id?: undefined }

export const ACTOR_KINDS = [...NAMED, ...UNNAMED]

export const SERVER: Actor = { kind: 'server' }
export const UNAUTHENTICATED: Actor = { kind: 'unauthenticated' }

/** `kind:id`, or the kind alone. A kind has no colon, so that this says one thing. */
export function actorText(kind: string, id: string | null | undefined): string {
  return id === undefined || id === null ? kind : `${kind}:${id}`
}
