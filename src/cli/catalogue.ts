import type { Command } from 'commander'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { parseCatalogue } from '../catalogue/catalogue-file.ts'
import type { Kind } from '../permission/scopes.ts'
import { registerDiscoverCommand } from './catalogue-discover.ts'
import { textOf } from './members.ts'
import { type OutputOptions, printResult } from './output.ts'

/** What of a catalogue needs no database: `catalogue check` and `catalogue discover`. */
export function registerCatalogueFileCommands(catalogue: Command): void {
  catalogue
    .command('check')
    .description('Reports every fault of a catalogue file; needs no database.')
    .argument('[file]', 'the catalogue file', 'catalogue.yaml')
    .option('--json', 'print one JSON object')
    .action(check)
  registerDiscoverCommand(catalogue)
}

function check(file: string, options: OutputOptions): void {
  const read = parseCatalogue(textOf(file))
  if ('catalogue' in read) {
    printCounts(read.catalogue, options)
    return
  }
  const { faults } = read
  for (const fault of faults) console.error(`${file}: ${fault}`)
  if (options.json) printResult({ valid: false, faults }, [], options)
  process.exitCode = 1
}

function printCounts({ resources, roles }: Catalogue, options: OutputOptions): void {
  const scopes = resources.flatMap((resource) => resource.scopes)
  const count = (kind: Kind) => scopes.reduce((sum, scope) => sum + (scope[kind]?.length ?? 0), 0)
  const counts = {
    resources: resources.length,
    scopes: scopes.length,
    tools: count('tools'),
    prompts: count('prompts'),
    mcp_resources: count('resources'),
    roles: roles.length,
  }
  const counted = Object.entries(counts)
    // What most catalogues do not have is said only of those that do.
    .filter(([name, number]) => number > 0 || !['prompts', 'mcp_resources'].includes(name))
    .map(([name, number]) => `${number} ${name === 'mcp_resources' ? 'MCP resources' : name}`)
  printResult({ valid: true, ...counts }, [`No faults: ${counted.join(', ')}.`], options)
}
