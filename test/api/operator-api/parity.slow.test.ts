import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Action } from '../../../src/actions/action.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { inputDocument, pathMembers } from '../../../src/api/operator-api/schema-documents.ts'
import { operatorTools } from '../../../src/api/operator-mcp/tools.ts'
import { descriptionOf } from '../../../src/cli/members.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { ACCOUNT_PAGES } from '../../../src/pages/account/routes.ts'
import { OPERATOR_PAGES } from '../../../src/pages/operator/routes.ts'
import { type CommandLine, commandLine } from '../../cli/commands.ts'
import { readSourceFiles } from '../../support/source-files.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { leastInput, requestFor, sampleOf } from './action-inputs.ts'

/** API, MCP server, command line and pages offer the same things, and each of them is one and the same action. */
let toolgate: Toolgate
let cli: CommandLine
let token: string
const directory = mkdtempSync(join(tmpdir(), 'toolgate-parity-'))

beforeAll(async () => {
  toolgate = await Toolgate.start()
  cli = await commandLine()
  token = (await toolgate.operatorToken(['operator:admin'])).token
})
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await cli.close()
  await toolgate.close()
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The program that people run, with all of its commands. */
const program = await createProgram()
const sources = readSourceFiles()
const PAGES = [...OPERATOR_PAGES, ...ACCOUNT_PAGES]

function commandOf({ command }: Action): Command | undefined {
  return command
    .split(' ')
    .reduce<Command | undefined>((at, word) => at?.commands.find((each) => each.name() === word), program)
}

/** What can be typed: the members that are arguments, and those that are options. */
function typedMembers(command: Command | undefined): string[] {
  return [
    ...(command?.registeredArguments ?? []).map((argument) => argument.name()),
    ...(command?.options ?? []).map((option) => option.attributeName()),
  ]
}

/** `src/actions/grants.ts` exports the action under this name. */
async function exportedAs(action: Action): Promise<{ file: string; name: string }> {
  for (const { path } of sources.filter(({ path }) => path.startsWith('src/actions/'))) {
    const exported = (await import(`../../../${path}`)) as Record<string, unknown>
    const name = Object.keys(exported).find((key) => exported[key] === action)
    if (name !== undefined) return { file: path, name }
  }
  throw new Error(`${action.name} is exported nowhere`)
}

/** A value as it is typed: what a command reads from a file is in one. */
function textsOf(action: Action, member: string, value: unknown): string[] {
  const values = Array.isArray(value) ? value : [value]
  const texts = values.map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each)))
  if (!descriptionOf(action).read?.[member]?.endsWith('file')) return texts
  const file = join(directory, member)
  writeFileSync(file, texts.join())
  return [file]
}

/** How the command line names this input. */
function wordsFor(action: Action, input: Record<string, unknown>): string[] {
  const command = commandOf(action)
  const named = command?.registeredArguments.map((argument) => argument.name()) ?? []
  const options = Object.entries(input).flatMap(([member, value]) => {
    const option = command?.options.find((each) => each.attributeName() === member)
    if (!option || named.includes(member) || value === false) return []
    return [option.long ?? '', ...(value === true ? [] : textsOf(action, member, value))]
  })
  const values = named.flatMap((member) => (member in input ? textsOf(action, member, input[member]) : []))
  return [...action.command.split(' '), ...options, '--json', '--', ...values]
}

/** What `run` was given, by whoever called it. */
async function inputThrough(action: Action, call: () => Promise<unknown>): Promise<unknown[]> {
  const run = vi.spyOn(action, 'run').mockClear().mockResolvedValue({})
  await call()
  return run.mock.calls.map(([, input]) => input)
}

const throughCli = (action: Action, input: Record<string, unknown>) =>
  inputThrough(action, () => cli.run(...wordsFor(action, input)).catch(() => undefined))

describe('the registry', () => {
  it('names nothing twice', () => {
    const names = ACTIONS.map(({ name }) => name)
    const routes = ACTIONS.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(routes).size).toBe(routes.length)
  })

  it('takes from the path only what the input has', () => {
    for (const action of ACTIONS)
      expect(Object.keys(action.input.shape), action.name).toEqual(
        expect.arrayContaining(pathMembers(action)),
      )
  })

  it('calls nothing that reads a change, and no change a read', () => {
    const odd = ACTIONS.filter(({ method, scope }) => method === 'get' && scope !== 'operator:read')
    expect(odd.map(({ name }) => name)).toEqual([])
  })
})

describe.each(ACTIONS.map((action) => ({ name: action.name, action })))('$name', ({ action }) => {
  it('is the same for the API, the MCP server and the command line', async () => {
    const parsed = action.input.safeParse(leastInput(action))
    // What the schema alone cannot say, a refinement refuses: by all three.
    const expected = parsed.success ? [parsed.data] : []
    const { path, headers, ...rest } = requestFor(action)
    const authorization = `Bearer ${token}`
    const through_api = () => toolgate.fetch(path, { ...rest, headers: { ...headers, authorization } })
    const message = { name: action.name, arguments: leastInput(action) }
    const through_mcp = () =>
      toolgate.fetch('/operator/mcp', {
        method: 'POST',
        headers: {
          authorization,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: message }),
      })
    expect(await inputThrough(action, through_api)).toEqual(expected)
    expect(await inputThrough(action, through_mcp)).toEqual(expected)
    expect(operatorTools().filter(({ name }) => name === action.name)).toHaveLength(1)
    if (action.cli !== false) expect(await throughCli(action, leastInput(action))).toEqual(expected)
  })

  it('is a command of the program, with --json and every member of its input', () => {
    const command = commandOf(action)
    expect(command?.options.map(({ long }) => long)).toContain('--json')
    expect(typedMembers(command)).toEqual(expect.arrayContaining(Object.keys(action.input.shape)))
  })

  // Standard input is that of the tests; main.slow.test.ts types there.
  const is_typed = (member: string) => descriptionOf(action).read?.[member] !== 'standard input'
  const members = Object.keys(inputDocument(action).properties).filter(is_typed)
  it.runIf(action.cli !== false)('gets from the command line each member that is typed', async () => {
    for (const member of members) {
      const input = leastInput(action, { [member]: sampleOf(action, member) })
      expect(await throughCli(action, input), member).toEqual([action.input.parse(input)])
    }
  })

  it('has its page, and pages perform it', async () => {
    expect(PAGES.map(({ path }) => path)).toContain(action.page)
    const { file, name } = await exportedAs(action)
    const performing = sources.filter(
      ({ path, imports, text }) =>
        /^src\/pages\/(operator|account)\//.test(path) &&
        imports.some((found) => found.file === file) &&
        new RegExp(`\\b${name}\\b`).test(text),
    )
    expect(performing.map(({ path }) => path)).not.toEqual([])
  })
})
