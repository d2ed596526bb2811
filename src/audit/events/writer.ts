import { LIFECYCLE } from '../export/ocsf-classes.ts'
import { clean } from '../story/words.ts'
import { event, type Optional } from './event-definition.ts'

type Row = { writer_id: string; seq: number } & Optional<{ hash: string }>
type Predecessor = { predecessor_writer_id: string; predecessor_seq: number; predecessor_hash: string }

/** Of the chains themselves; the audit log writes them. */
export const WRITER_EVENTS = {
  /** Names the last row of another chain, which ended. */
  'writer.closed': event<Row & { stopped: boolean }>('nothing', LIFECYCLE.other, {
    sentence: ({ detail }) =>
      `the chain of writer ${clean(detail.writer_id)} ended at row ${clean(detail.seq)}${detail.stopped ? '' : ', not in order'}`,
  }),
  /** The first event of every chain; names the last row of the newest chain that had ended. */
  'writer.started': event<{ process: string } & Optional<Predecessor>>('nothing', LIFECYCLE.other, {
    sentence: ({ detail }) => `a chain began: ${clean(detail.process)}`,
  }),
  /** The last event of a chain that ended in order. */
  'writer.stopped': event('nothing', LIFECYCLE.other, {
    sentence: () => 'the chain ended in order',
  }),
}
