import { createIntrospectionClient, type Introspect } from './asking/introspection.ts'
import type { ServerSettings } from './asking/server-settings.ts'
import type { Watch } from './asking/verdict.ts'
import type { GuardSettings, LocalDecisions } from './guard-options.ts'
import type { Recorder } from './reports/call-report.ts'

/** Who is asked, who hears what came of it, and what is to be closed in the end. */
export type Parts = { introspect: Introspect; watches: Watch[]; close: () => Promise<void> }

/** The parts that these settings need. What not every guard has is loaded only for those that have it. */
export function partsOf(settings: GuardSettings): Promise<Parts> {
  const { decided_by } = settings
  return 'server' in decided_by
    ? serverParts(decided_by.server, settings)
    : localParts(decided_by.local, settings)
}

async function serverParts(server: ServerSettings, settings: GuardSettings): Promise<Parts> {
  const { reports, on_error } = settings
  const reporting = reports && (await import('./reports/index.ts'))
  const queue = reports && reporting?.createReportQueue(server, reports, on_error)
  const watches = queue && reporting ? [reporting.watchOutcomes(queue.note)] : []
  const { introspect, stop } = await asking(server, queue, on_error)
  return {
    introspect,
    watches,
    async close() {
      stop()
      await queue?.close()
    },
  }
}

type Asking = { introspect: Introspect; stop: () => void }

async function asking(
  server: ServerSettings,
  queue: Recorder | undefined,
  on_error: GuardSettings['on_error'],
): Promise<Asking> {
  const ask = createIntrospectionClient(server)
  const recorder = server.cache?.recorder ?? queue
  if (!server.cache || !recorder) return { introspect: ask, stop() {} }
  const { askLess } = await import('./asking/ask-less.ts')
  return askLess(ask, { server, cache: { ...server.cache, recorder }, on_error })
}

async function localParts({ introspect, recorder }: LocalDecisions, settings: GuardSettings): Promise<Parts> {
  const { reports, on_error } = settings
  const close = () => recorder.close()
  if (!reports) return { introspect, watches: [], close }
  const { watchOutcomes } = await import('./reports/index.ts')
  return { introspect, watches: [watchOutcomes((made) => void recorder.record(made).catch(on_error))], close }
}
