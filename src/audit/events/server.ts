import { ENTITY, LIFECYCLE } from '../export/ocsf-classes.ts'
import { by, clean } from '../story/words.ts'
import { event } from './event-definition.ts'

type Import = { writer_id: string; first_seq: number; last_seq: number; hash: string } & {
  rows: number
  file_sha256: string
}

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
  /** A sink does not take checkpoints; once for each outage. */
  'checkpoint.undelivered': event<{ sink: string; reason: string }>('nothing', LIFECYCLE.other, {
    sentence: ({ detail }) => `${clean(detail.sink)} takes no checkpoints (${clean(detail.reason)})`,
  }),
  'server.started': event<{ issuer: string }>('nothing', LIFECYCLE.start, {
    sentence: ({ detail }) => `a server of ${clean(detail.issuer)} started`,
  }),
  'server.stopped': event<{ signal: string }>('nothing', LIFECYCLE.stop, {
    sentence: ({ detail }) => `a server stopped (${clean(detail.signal)})`,
  }),
}
