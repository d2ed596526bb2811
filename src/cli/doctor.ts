import type { Command } from 'commander'
import { CLIENT_PROFILES } from '../doctor/clients/index.ts'
import { webUrl } from '../doctor/crawl/response.ts'
import { diagnose, profilesNamed } from '../doctor/doctor.ts'
import { reportJson, reportLines } from '../doctor/report/doctor-report.ts'
import { type OutputOptions, printResult, wrongUsageEndsWith } from './output.ts'

type DoctorOptions = OutputOptions & { client?: string[]; active?: true }

const FAILED = 1
const NOT_DONE = 2
const NAMES = CLIENT_PROFILES.map(({ name }) => name).join(', ')

/** `toolgate doctor URL`: needs no database and no configuration. */
export function registerDoctorCommand(program: Command): void {
  wrongUsageEndsWith(NOT_DONE, program.command('doctor <url>'))
    .description(
      'why MCP clients cannot sign in at an MCP server, ours or not: which client stops where, and the fix',
    )
    .option('--client <name...>', `judge only as these clients: ${NAMES}`)
    .option('--active', 'also register as each client would, and take it back; otherwise nothing is changed')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nEnds with 0 when every client works, 1 when one fails, 2 when nothing could be judged.',
    )
    .action(run)
}

async function run(given: string, options: DoctorOptions): Promise<void> {
  const url = webUrl(given)
  const { profiles, unknown } = profilesNamed(options.client ?? CLIENT_PROFILES.map(({ name }) => name))
  if (!url) return refuse('that is no http or https URL; give the one that you type into your client')
  if (unknown.length > 0) return refuse(`no client is called ${unknown.join(', ')}; known are ${NAMES}`)
  if (options.active)
    console.error(
      `Registering as ${profiles.length} clients where the server lets them; each is taken back where the server lets it (RFC 7592).`,
    )
  // As typed: clients compare letter by letter, so that a slash the parser would add must not come in.
  const typed = given.replace(/#.*$/s, '')
  const diagnosis = await diagnose(typed, { clients: profiles, active: options.active === true })
  printResult(reportJson(diagnosis), reportLines(diagnosis), options)
  if (diagnosis.verdicts.some(({ failed }) => failed)) process.exitCode = FAILED
}

function refuse(why: string): void {
  console.error(`toolgate doctor: ${why}`)
  process.exitCode = NOT_DONE
}
