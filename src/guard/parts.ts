import type { OpenAnswers } from './answers/open-answers.ts'
import { type WatchOpen, watchOpen } from './answers/watch-open.ts'
import type { GuardSettings, LocalDecisions } from './guard-options.ts'
import { createIntrospectionClient, type Introspect } from './introspection-client/introspection.ts'
import type { ServerSettings } from './introspection-client/server-settings.ts'
import type { Watch } from './introspection-client/verdict.ts'

/** Who is asked, who hears what came of it, and what is to be closed in the end. */
export type Parts = {
  introspect: Introspect
  watches: Watch[]
  /** Not in mode `none`, where no token can end. */
  watch_open?: WatchOpen
  close: () => Promise<void>
}

/**
 * The parts that these settings need. What not every guard has is loaded only for those that have it. Never rejects:
 * where something cannot be loaded, nothing is decided.
 */
export async function partsOf(settings: GuardSettings): Promise<Parts> {
  const { decided_by } = settings
  try {
    return await ('server' in decided_by
      ? serverParts(decided_by.server, settings)
      : localParts(decided_by.local, settings))
  } catch (cause) {
    return {
      async introspect() {
        throw new Error('A part of the guard could not be loaded', { cause })
      },
      watches: [],
      async close() {
        if ('local' in decided_by) await decided_by.local.recorder.close()
      },
    }
  }
}

async function serverParts(server: ServerSettings, settings: GuardSettings): Promise<Parts> {
  const { reports, on_error } = settings
  // All of it before anything begins: what began could not be ended any more.
  const [reporting, less] = await Promise.all([
    reports && import('./reports/index.ts'),
    server.cache && import('./introspection-client/ask-less.ts'),
  ])
  const queue = reports && reporting?.createReportQueue(server, reports, on_error)
  const watches = queue && reporting ? [reporting.watchOutcomes(queue.note)] : []
  const ask = createIntrospectionClient(server)
  const recorder = server.cache?.recorder ?? queue
  const { introspect, stop } =
    server.cache && less && recorder
      ? less.askLess(ask, { server, cache: { ...server.cache, recorder }, on_error })
      : { introspect: ask, stop() {} }
  let open_answers: Promise<OpenAnswers> | undefined
  const load = () => {
    open_answers ??= import('./answers/open-answers.ts').then(
      (part) => new part.OpenAnswers({ introspect: ask, server, on_error }),
    )
    return open_answers
  }
  return {
    introspect,
    watches,
    watch_open: (answer) => watchOpen(answer, load),
    async close() {
      ;(await open_answers)?.close()
      stop()
      await queue?.close()
    },
  }
}

async function localParts({ introspect, recorder }: LocalDecisions, settings: GuardSettings): Promise<Parts> {
  const { reports, on_error } = settings
  const close = () => recorder.close()
  if (!reports) return { introspect, watches: [], close }
  const { watchOutcomes } = await import('./reports/index.ts')
  return { introspect, watches: [watchOutcomes((made) => void recorder.record(made).catch(on_error))], close }
}
