/**
 * Who acted. Whoever did not authenticate is `unauthenticated`, whatever they said they were; that stands in the detail of
 * the event, if anywhere.
 */
export type Actor =
  /** A person, by their account. */
  | { kind: 'account'; id: string }
  | { kind: 'operator_token'; id: string }
  /** An OAuth client that acts for itself. */
  | { kind: 'client'; id: string }
  | { kind: 'resource_server'; id: string }
  /** Whoever runs commands at the machine: `user@host`. */
  | { kind: 'cli'; id: string }
  /** Whoever calls an MCP server that runs on their own machine, in mode `none`. */
  | { kind: 'local_user'; id?: undefined }
  /** The program that writes the log, of its own accord. */
  | { kind: 'server'; id?: undefined }
  | { kind: 'unauthenticated'; id?: undefined }

export type ActorKind = Actor['kind']

export const ACTOR_KINDS = [
  'account',
  'cli',
  'client',
  'local_user',
  'operator_token',
  'resource_server',
  'server',
  'unauthenticated',
] as const satisfies readonly ActorKind[]

export const SERVER: Actor = { kind: 'server' }
export const UNAUTHENTICATED: Actor = { kind: 'unauthenticated' }

/** `kind:id`, or the kind alone. A kind has no colon, so that this says one thing. */
export function actorText({ kind, id }: Actor): string {
  return id === undefined ? kind : `${kind}:${id}`
}

/** The same of a row, which may say anything. */
export function actorOfRow({
  actor_kind,
  actor_id,
}: {
  actor_kind: string
  actor_id: string | null
}): string {
  return actor_id === null ? actor_kind : `${actor_kind}:${actor_id}`
}
