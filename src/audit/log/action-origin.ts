import type { Actor } from '../../audit-chain/actor.ts'

/** From where something was asked for, whoever asked. */
export type RequestOrigin = {
  /** Of this one request. */
  request_id?: string | undefined
  /** Of the flow of requests by which a client connects, where the request is part of one. */
  trace_id?: string | undefined
  ip?: string | undefined
}

/** Who changes something, why, and by which request: every change is recorded with this, however it was asked for. */
export type ActionOrigin = RequestOrigin & { actor: Actor; reason?: string | undefined }

/** What of it stands in columns of an event; the reason is part of the detail. */
export function recordedBy({ actor, request_id, trace_id, ip }: ActionOrigin) {
  return { actor, request_id: trace_id ?? request_id, ip }
}
