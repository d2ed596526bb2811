import type { Recorder } from '../reports/call-report.ts'
import { AnswerCache } from './answer-cache.ts'
import type { Introspect } from './introspection.ts'
import { RevocationFeed } from './revocation-feed.ts'
import type { CacheSettings, ServerSettings } from './server-settings.ts'

/** Unused for so long, the revocation feed is closed, unless answers are kept longer. */
const IDLE_MS = 60_000

export type AskLessSettings = {
  server: ServerSettings
  cache: CacheSettings & { recorder: Recorder }
  on_error: (error: Error) => void
}

/** Asks only where no answer is kept. `stop` ends the revocation feed. */
export function askLess(
  ask: Introspect,
  { server, cache, on_error }: AskLessSettings,
): { introspect: Introspect; stop: () => void } {
  const { lease_ms, max_age_ms, recorder } = cache
  const feed = new RevocationFeed({
    server,
    lease_ms,
    idle_ms: Math.max(IDLE_MS, max_age_ms),
    on_error,
    drop: (dropped) => answers.drop(dropped),
  })
  const answers = new AnswerCache({ ask, isLive: () => feed.isLive(), max_age_ms, recorder, on_error })
  return {
    introspect(token, question) {
      feed.use()
      return answers.introspect(token, question)
    },
    stop: () => feed.close(),
  }
}
