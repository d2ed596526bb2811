import { figuresTable, isMet } from './figures.ts'
import { optionsHelp, readOptions } from './options.ts'
import { type Part, say } from './part.ts'
import { codeExchange } from './parts/code-exchange.ts'
import { durability } from './parts/durability.ts'
import { growth } from './parts/growth.ts'
import { guardCache } from './parts/guard-cache.ts'
import { guardSize } from './parts/guard-size.ts'
import { introspection } from './parts/introspection.ts'
import { lists } from './parts/lists.ts'
import { manipulations } from './parts/manipulations.ts'
import { memory } from './parts/memory.ts'
import { processes } from './parts/processes.ts'
import { refresh } from './parts/refresh.ts'
import { revocation } from './parts/revocation.ts'
import { signIn } from './parts/sign-in.ts'
import { start } from './parts/start.ts'
import { verify } from './parts/verify.ts'
import { type Finished, keepResults, missedGoals, sectionOf } from './report.ts'

/**
 * `npm run bench`: measures what Toolgate promises, each part on a Postgres of its own. Ends with 1 when a promise
 * is missed, with 2 when something could not be measured. bench/README.md says how to read the figures.
 */
const PARTS: readonly Part[] = [
  start,
  introspection,
  refresh,
  codeExchange,
  signIn,
  revocation,
  guardCache,
  guardSize,
  verify,
  processes,
  growth,
  lists,
  memory,
  durability,
  manipulations,
]

async function main(): Promise<void> {
  const options = readOptions(PARTS)
  if (options.help) return console.log(optionsHelp(PARTS))
  const finished: Finished[] = []
  for (const { name, measure } of options.parts) {
    say(`— ${name}`)
    try {
      const measured = { name, ...(await measure(options.run)) }
      finished.push(measured)
      if (options.write) await keepResults([measured], PARTS)
    } catch (error) {
      // The other parts can still be measured.
      console.error(`${name} could not be measured:`, error)
      process.exitCode = 2
    }
  }
  const parts = finished.map(({ name, ran, figures }) => ({
    part: name,
    ran,
    figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })),
  }))
  console.log(options.json ? JSON.stringify({ parts }, null, 2) : finished.map(sectionOf).join('\n\n'))
  const missed = missedGoals(finished, options.run)
  if (missed.length === 0) return
  say(`Missed:\n${figuresTable(missed)}`)
  process.exitCode ??= 1
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
