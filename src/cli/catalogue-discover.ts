import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../base/errors.ts'
import { type Catalogue, canonicalResource, findResource } from '../catalogue/catalogue.ts'
import { parseCatalogue } from '../catalogue/catalogue-file.ts'
import { mergedText } from '../catalogue/catalogue-merge.ts'
import { catalogueText } from '../catalogue/catalogue-text.ts'
import { terminalText } from '../doctor/crawl/display-text.ts'
import { compareWithCatalogue, comparisonLines } from '../doctor/discovery/comparison.ts'
import type { Inventory, Place } from '../doctor/discovery/inventory.ts'
import { proposeCatalogue } from '../doctor/discovery/proposal.ts'
import { printResult } from './output.ts'

type Options = {
  stdio?: string[]
  resource?: string
  tokenFile?: string
  check?: true
  catalogue: string
  name?: string
  prefix?: string
  out?: string
  into?: string
  timeout: string
  json?: true
}

/** `catalogue discover <url>`: what an MCP server offers, as a proposed catalogue or held against the one there is. */
export function registerDiscoverCommand(catalogue: Command): void {
  const command = catalogue.command('discover').argument('<url>', 'where the MCP server answers')
  takeProgram(command)
  command
    .description('list the tools of an MCP server and propose a catalogue for it; needs no database')
    .option('--check', 'fail when the server and the catalogue do not fit, and propose nothing')
    .option('--catalogue <file>', 'the catalogue that --check compares with', 'catalogue.yaml')
    .option(
      '--stdio <program...>',
      'start this program and ask it over stdio; all that follows is its own, and the URL only names the resource',
    )
    .option('--resource <url>', 'identifier of the server in the catalogue, when it is asked at another URL')
    .option(
      '--token-file <file>',
      'a file with the bearer token to send; the server then lists what it allows',
    )
    .option('--name <name>', 'display name (default: what the server calls itself)')
    .option('--prefix <word>', 'of the proposed scopes: notes makes notes:read')
    .option('--out <file>', 'write the proposal there, which must not exist yet')
    .option(
      '--into <file>',
      'add what a catalogue file does not have yet; nothing of it is changed or removed',
    )
    .option('--timeout <ms>', 'longest wait for each answer', '10000')
    .option('--json', 'print one JSON object')
    .action(discover)
}

/** What follows `--stdio` belongs to the program, also what looks like an option: `--stdio npx -y notes-server`. */
function takeProgram(command: Command): void {
  const parse = command.parseOptions.bind(command)
  command.parseOptions = (words) => {
    const at = words.indexOf('--stdio')
    const program = words.slice(at + 1)
    if (at === -1 || program.length === 0) return parse(words)
    const parsed = parse(words.slice(0, at))
    command.setOptionValueWithSource('stdio', program, 'cli')
    return parsed
  }
}

async function discover(url: string, options: Options): Promise<void> {
  const resource = resourceOf(options.resource ?? url)
  // With the MCP client, which no other command needs, least of all a server that starts.
  const { takeInventory } = await import('../doctor/discovery/inventory.ts')
  const inventory = await takeInventory(await placeOf(url, options), timeoutOf(options))
  if (options.check) return check(resource, inventory, options)
  await propose(resource, inventory, options)
}

async function check(resource: string, inventory: Inventory, options: Options): Promise<void> {
  const file = options.catalogue
  const read = parseCatalogue(await readFile(file, 'utf8'))
  if ('faults' in read) throw new AppError('invalid_input', `${file}: ${read.faults.join('; ')}`)
  const known = findResource(read.catalogue, resource)
  if (!known)
    throw new AppError(
      'not_found',
      `${file} has no resource ${resource}; --resource names the one to compare`,
    )
  const comparison = compareWithCatalogue(inventory, known)
  const lines = comparisonLines(comparison)
  const { length } = inventory.tools
  const fits = `${length} ${length === 1 ? 'tool' : 'tools'}, and the catalogue fits.`
  printResult(
    { fits: lines.length === 0, resource, tools: length, ...comparison },
    lines.length > 0 ? lines : [fits],
    options,
  )
  if (lines.length > 0) process.exitCode = 1
}

async function propose(resource: string, inventory: Inventory, options: Options): Promise<void> {
  const { server, tools, prompts, resources } = inventory
  if (tools.length + prompts.length + resources.length === 0)
    throw new AppError(
      'not_found',
      `${terminalText(server.name)} lists nothing, so there is nothing to propose`,
    )
  const { name, prefix, out, into } = options
  const catalogue = proposeCatalogue(inventory, { resource, name, prefix })
  const text = `${headOf(inventory)}${catalogueText(catalogue)}`
  const checked = parseCatalogue(text)
  if ('faults' in checked)
    throw new AppError(
      'invalid_input',
      `The server offers what no catalogue can name: ${checked.faults.join('; ')}`,
    )
  if (into !== undefined) return addTo(into, catalogue, options)
  if (out !== undefined) await writeFile(out, text, { flag: 'wx' })
  const lines =
    out === undefined
      ? [text.trimEnd()]
      : [`${out} is written. Read it, then: toolgate catalogue check ${out}`]
  printResult({ ...inventory, catalogue }, lines, options)
}

async function addTo(file: string, proposed: Catalogue, options: Options): Promise<void> {
  const { text, added } = mergedText(await readFile(file, 'utf8'), proposed)
  if (added.length > 0) await writeFile(file, text)
  const lines =
    added.length > 0
      ? [
          ...added.map((line) => `+ ${line}`),
          `${file} has it. Read it, then: toolgate catalogue diff ${file}`,
        ]
      : [`${file} has all that the server offers.`]
  printResult({ file, added }, lines.map(terminalText), options)
}

function headOf({ server, tools }: Inventory): string {
  const unsaid = tools.filter((tool) => tool.read_only === undefined && tool.destructive === undefined)
  const head = [
    `Proposed from what ${server.name} says of its tools. Read it before you apply it: hints are only hints.`,
    ...(unsaid.length > 0
      ? [`Nothing is said of ${unsaid.map(({ name }) => name).join(', ')}: taken for what may destroy.`]
      : []),
  ]
  // What a server says must not end the comment.
  return head.map((line) => `# ${terminalText(line)}\n`).join('')
}

function resourceOf(url: string): string {
  const resource = canonicalResource(url)
  if (resource === undefined)
    throw new AppError('invalid_input', `${url} is not an absolute http or https URL`)
  return resource
}

async function placeOf(url: string, { stdio, tokenFile }: Options): Promise<Place> {
  const [command, ...args] = stdio ?? []
  if (command !== undefined) return { command, args }
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
  return { url, token }
}

function timeoutOf({ timeout }: Options): number {
  const timeout_ms = Number(timeout)
  if (!Number.isSafeInteger(timeout_ms) || timeout_ms < 1)
    throw new AppError('invalid_input', '--timeout is a positive whole number of milliseconds')
  return timeout_ms
}
