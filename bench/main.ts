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

type Options = { rounds: number; seconds: number; profile_directory: string | undefined }
const PARTS = ['start', 'introspection'] as const
type Part = (typeof PARTS)[number]

function readOptions() {
  const { values } = parseArgs({
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
  const { only, rounds, seconds } = values
  const parts = PARTS.filter((part) => only === undefined || only === part)
  if (parts.length === 0) throw new Error(`there is no part ${only}`)
  if (!(Number(rounds) >= 1 && Number(seconds) > 0))
    throw new Error('rounds and seconds are positive numbers')
  return { ...values, parts }
}

async function measure(
  parts: readonly Part[],
  options: Options,
): Promise<{ figures: Figure[]; details: string[] }> {
  const measured: { figures: Figure[]; details?: string }[] = []
  if (parts.includes('start')) measured.push(await measureStart())
  if (parts.includes('introspection')) measured.push(await measureIntrospection(options))
  return {
    figures: measured.flatMap(({ figures }) => figures),
    details: measured.flatMap(({ details }) => details ?? []),
  }
}

async function main(): Promise<void> {
  const { parts, rounds, seconds, profile, json, write, help } = readOptions()
  if (help) return console.log(HELP)
  const options = { rounds: Number(rounds), seconds: Number(seconds), profile_directory: profile }
  const { figures, details } = await measure(parts, options)
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores.`
  const report = [machine, figuresTable(figures), ...details].join('\n\n')
  console.log(
    json
      ? JSON.stringify(
          figures.map((each) => ({ ...each, met: isMet(each) })),
          null,
          2,
        )
      : report,
  )
  if (write) await writeFile(RESULTS, `# Results of \`npm run bench\`\n\n${report}\n`)
  if (!figures.every(isMet)) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
