import { SERVER } from '../../../audit-chain/actor.ts'
import type { AuditLog } from '../../log/audit-log.ts'
import { CheckpointSink, deliveryTo, type SinkEvents } from './checkpoint-sinks.ts'
import { type CheckpointMaking, makeCheckpointWhenDue } from './checkpointer.ts'

/** When a server signs checkpoints, and where they go. */
export type ScheduleLog = {
  info(about: object, message: string): void
  warn(about: object, message: string): void
}

type Schedule = CheckpointMaking & {
  audit: Pick<AuditLog, 'append' | 'written_events'>
  log: ScheduleLog
  interval_seconds: number
  sinks: readonly string[]
}

/** So many rows of this process make one due at once: a proof holds a digest for each row up to the next. */
const ROWS_MAX = 10_000
const LOOK_MS = 1_000
/** Timers of instances are not in step; a little early is better than a whole interval late. */
const EARLY = 0.9
const GOODBYE_MS = 3_000

/**
 * Starts the timers; they never keep the process alive. `close` signs what came since, the end of the own chain
 * included where the log is closed before, and gives the sinks a moment.
 */
export function startCheckpoints(schedule: Schedule): { close(): Promise<void> } {
  const { audit, interval_seconds, log } = schedule
  const sinks = schedule.sinks.map((place) => new CheckpointSink(deliveryTo(place), events(schedule)))
  let running: Promise<void> | undefined
  let signed_at_events = 0

  const run = async (age_seconds: number) => {
    const written = audit.written_events
    try {
      const jws = await makeCheckpointWhenDue(schedule, age_seconds)
      signed_at_events = written
      if (jws !== undefined) for (const sink of sinks) sink.push(jws)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      log.warn({ task: 'sign a checkpoint', code }, 'maintenance failed; it is tried again')
    }
  }
  const start = (age_seconds: number) => {
    running ??= run(age_seconds).finally(() => {
      running = undefined
    })
  }
  const timers = [
    setInterval(() => start(interval_seconds * EARLY), interval_seconds * 1_000),
    setInterval(() => audit.written_events - signed_at_events >= ROWS_MAX && start(0), LOOK_MS),
  ]
  for (const timer of timers) timer.unref()
  return {
    async close() {
      for (const timer of timers) clearInterval(timer)
      await running
      await run(0)
      const left = await Promise.all(sinks.map((sink) => sink.close(GOODBYE_MS)))
      const undelivered = left.reduce((sum, count) => sum + count, 0)
      if (undelivered > 0) log.warn({ undelivered }, 'checkpoints were not delivered before the end')
    },
  }
}

function events({ audit, log }: Schedule): SinkEvents {
  return {
    onOutage(sink, error) {
      log.warn({ sink, reason: error.message }, 'a checkpoint could not be delivered; it is tried again')
      const detail = { sink, reason: error.message }
      audit
        .append({ type: 'checkpoint.undelivered', actor: SERVER, detail })
        .catch(() => log.warn({ sink }, 'the audit log did not take checkpoint.undelivered'))
    },
    onRecovery(sink, outage) {
      log.info({ sink, ...outage }, 'checkpoints are delivered again')
    },
  }
}
