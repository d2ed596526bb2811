import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { diffCatalogues } from '../catalogue/catalogue-diff.ts'
import { parseCatalogue } from '../catalogue/catalogue-file.ts'
import { currentCatalogue } from '../catalogue/catalogue-store.ts'
import { changeCatalogue } from '../holders/catalogue-change.ts'
import type { Kind } from '../permission/scopes.ts'
import { registerDiscoverCommand } from './catalogue-discover.ts'
import { ACTOR, type OpenContext, withContext } from './context.ts'
import { type OutputOptions as Options, printResult } from './output.ts'

/** `catalogue check | diff | apply [file]` and `catalogue discover <url>`. `open` connects to the installation; `check` does not call it. */
export function registerCatalogueCommands(program: Command, open: OpenContext): void {
  const catalogue = program.command('catalogue').description('the scopes, what each opens, and the roles')
  const add = (name: string, description: string, run: (catalogue: Catalogue, o: Options) => Promise<void>) =>
    catalogue
      .command(name)
      .description(description)
      .argument('[file]', 'the catalogue file', 'catalogue.yaml')
      .option('--json', 'print one JSON object')
      .action(async (file: string, options: Options) => {
        const read = await readCatalogue(file)
        if ('faults' in read) return refuse(file, read.faults, options)
        await run(read.catalogue, options)
      })

  add('check', 'report every fault of the file; needs no database', async (catalogue, options) => {
    const counts = countOf(catalogue)
    const { resources, scopes, tools, prompts, mcp_resources, roles } = counts
    // What most catalogues do not have is said only of those that do.
    const further = [
      ...(prompts > 0 ? [`${prompts} prompts`] : []),
      ...(mcp_resources > 0 ? [`${mcp_resources} resources of MCP`] : []),
    ]
    const counted = [
      `${resources} resources`,
      `${scopes} scopes`,
      `${tools} tools`,
      ...further,
      `${roles} roles`,
    ]
    const text = `No faults: ${counted.join(', ')}.`
    printResult({ valid: true, ...counts }, [text], options)
  })
  add('diff', 'print what applying the file would change', async (catalogue, options) => {
    await withContext(open, async ({ knex }) => {
      const current = await currentCatalogue(knex)
      const changes = diffCatalogues(current?.catalogue, catalogue)
      const lines = changes.length > 0 ? changes : ['Nothing changes.']
      printResult({ version: current?.version ?? null, changes }, lines, options)
    })
  })
  add('apply', 'put the file in force, for the next tool call on', async (catalogue, options) => {
    await withContext(open, async (context) => {
      const { version, changes } = await changeCatalogue(context, catalogue, { actor: ACTOR })
      const result = changes.length > 0 ? `Version ${version} is in force.` : 'Nothing changes.'
      printResult({ version, changes }, [...changes, result], options)
    })
  })
  registerDiscoverCommand(catalogue)
}

async function readCatalogue(file: string): Promise<{ catalogue: Catalogue } | { faults: string[] }> {
  try {
    return parseCatalogue(await readFile(file, 'utf8'))
  } catch (error) {
    return { faults: [`cannot be read: ${error instanceof Error ? error.message : String(error)}`] }
  }
}

function refuse(file: string, faults: string[], options: Options): void {
  for (const fault of faults) console.error(`${file}: ${fault}`)
  if (options.json) printResult({ valid: false, faults }, [], options)
  process.exitCode = 1
}

function countOf({ resources, roles }: Catalogue) {
  const scopes = resources.flatMap((resource) => resource.scopes)
  const count = (kind: Kind) => scopes.reduce((sum, scope) => sum + (scope[kind]?.length ?? 0), 0)
  return {
    resources: resources.length,
    scopes: scopes.length,
    tools: count('tools'),
    prompts: count('prompts'),
    mcp_resources: count('resources'),
    roles: roles.length,
  }
}
