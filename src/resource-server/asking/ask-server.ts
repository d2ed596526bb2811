import type { ServerSettings } from '../guard-options.ts'
import { AnswerCache } from './answer-cache.ts'
import { createIntrospectionClient, type Introspect } from './introspection.ts'
import { RevocationFeed } from './revocation-feed.ts'

/** Unused for so long, the revocation feed is closed, unless answers are kept longer. */
const IDLE_MS = 60_000

/** Asks the authorization server: about every call, or, with `cache`, about those that no answer is kept for. */
export function askServer(
  server: ServerSettings,
  on_error: (error: Error) => void,
): { introspect: Introspect; close: () => Promise<void> } {
  const ask = createIntrospectionClient(server)
  const { cache } = server
  if (!cache) return { introspect: ask, close: async () => {} }
  const { lease_ms, max_age_ms, recorder } = cache
  const idle_ms = Math.max(IDLE_MS, max_age_ms)
  const feed = new RevocationFeed({
    server,
    lease_ms,
    idle_ms,
    on_error,
    drop: (dropped) => answers.drop(dropped),
  })
  const answers = new AnswerCache({ ask, isLive: () => feed.isLive(), max_age_ms, recorder, on_error })
  return {
    introspect(token, question) {
      feed.use()
      return answers.introspect(token, question)
    },
    async close() {
      feed.close()
      await recorder.close()
    },
  }
}
