import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Figure, figuresTable, isMet } from './figures.ts'
import { measureIntrospection } from './introspection.ts'
import { measureStart } from './start.ts'

/** `npm run bench`: measures what Toolgate promises, on a Postgres of its own. Ends non-zero when a promise is missed. */
const HELP = `npm run bench -- [options]

  --only introspection|start   measure one part
  --rounds <n>                 rounds of the introspection part (3)
  --seconds <n>                seconds of each load (3)
  --profile <directory>        keep a CPU profile of the server there
  --json                       print the figures as JSON
  --write                      keep the report in bench/results.md
  --help                       this text`

const RESULTS = fileURLToPath(new URL('results.md', import.meta.url))

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function report(figures: Figure[], details: string | undefined): string {
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores; `
  const parts = [`${machine}load generator, servers and Postgres share them.`, figuresTable(figures)]
  if (details) parts.push('Introspection, medians over the rounds:', details)
  return parts.join('\n\n')
}

async function main(): Promise<void> {
  const { only } = options
  if (options.help || (only !== undefined && only !== 'introspection' && only !== 'start')) {
    console.log(HELP)
    process.exitCode = options.help ? 0 : 2
    return
  }
  const figures: Figure[] = []
  let details: string | undefined
  if (only !== 'introspection') figures.push(...(await measureStart()).figures)
  if (only !== 'start') {
    const measured = await measureIntrospection({
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      profile_directory: options.profile,
    })
    figures.push(...measured.figures)
    details = measured.details
  }
  const text = report(figures, details)
  console.log(
    options.json ? JSON.stringify(figures.map((figure) => ({ ...figure, met: isMet(figure) }))) : text,
  )
  if (options.write) await writeFile(RESULTS, `# Results of \`npm run bench\`\n\n${text}\n`)
  if (!figures.every(isMet)) process.exitCode = 1
}

await main()
