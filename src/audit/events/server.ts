import { API, ENTITY, LIFECYCLE } from '../export/ocsf-classes.ts'
import { by, clean } from '../story/words.ts'
import { event, type Why } from './event-definition.ts'

type Import = { writer_id: string; first_seq: number; last_seq: number; hash: string } & {
  rows: number
  file_sha256: string
}

/** `gaps`: as `writer first-last hash`, what the log lacks since; `replayed`: of how many lost rows the revocations were done again. */
type Restored = Why & {
  checkpoint_sha256: string
  checkpoint_at: string
  gaps: readonly string[]
  replayed: number
  ended_grants: number
  ended_operator_tokens: number
  ended_sessions: number
}

/** `of`: each type of event that was counted instead of being recorded, with how many: `login.failed 95`. */
type Counted = { network: string; since: string; count: number; of: readonly string[] }

type Dropped = { partition: string; part: number; from: string; to: string; rows: number } & {
  closing: number
  closing_sha256: string
  archive_sha256?: string | null | undefined
}

/** The server itself and what it does with its log. */
export const SERVER_EVENTS = {
  /** Rows of a local log were taken over; names the last of a chain, as `writer.closed` does. */
  'audit.imported': event<Import>('nothing', ENTITY.create, {
    sentence: (told) =>
      `${clean(told.detail.rows)} rows of writer ${clean(told.detail.writer_id)} were imported${by(told)}`,
  }),
  /** By retention; its closing names what was in it. */
  'audit.partition_dropped': event<Dropped>('nothing', ENTITY.delete, {
    sentence: (told) =>
      `${clean(told.detail.partition)} with ${clean(told.detail.rows)} rows left the log${by(told)}`,
  }),
  /** An older state of the database was taken over: rows that a checkpoint outside names are gone, as `gaps` says. */
  'audit.restored': event<Restored>('all', LIFECYCLE.other, {
    sentence: (told) =>
      `a restored backup was accepted${by(told)}: the log lacks ${clean(told.detail.gaps)}; ended were ${clean(told.detail.ended_grants)} grants and ${clean(told.detail.ended_operator_tokens)} operator tokens`,
    failure: 'severe',
  }),
  /** A sink does not take checkpoints; once for each outage. */
  'checkpoint.undelivered': event<{ sink: string; reason: string }>('nothing', LIFECYCLE.other, {
    sentence: ({ detail }) => `${clean(detail.sink)} takes no checkpoints (${clean(detail.reason)})`,
  }),
  /** What callers who did not authenticate caused in a minute, beyond the few that were recorded one by one. */
  'refusals.counted': event<Counted>('nothing', API.other, {
    sentence: ({ detail }) =>
      `${clean(detail.count)} more requests of callers who did not authenticate were refused to ${clean(detail.network)} within a minute: ${clean(detail.of)}`,
    failure: 'failed',
  }),
  'server.started': event<{ issuer: string }>('nothing', LIFECYCLE.start, {
    sentence: ({ detail }) => `a server of ${clean(detail.issuer)} started`,
  }),
  'server.stopped': event<{ signal: string }>('nothing', LIFECYCLE.stop, {
    sentence: ({ detail }) => `a server stopped (${clean(detail.signal)})`,
  }),
}
