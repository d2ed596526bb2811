import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Action } from '../../../src/actions/action.ts'
import { ACTIONS } from '../../../src/actions/index.ts'
import { inputDocument, pathMembers } from '../../../src/api/operator-api/schema-documents.ts'
import { operatorTools } from '../../../src/api/operator-mcp/tools.ts'
import { registerActionCommands } from '../../../src/cli/action-commands.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { ACCOUNT_PAGES } from '../../../src/pages/account/routes.ts'
import { OPERATOR_PAGES } from '../../../src/pages/operator/routes.ts'
import { type CommandLine, commandLine } from '../../cli/commands.ts'
import { readSourceFiles } from '../../support/source-files.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { leastInput, requestFor } from './action-inputs.ts'

/** API, MCP server, command line and pages offer the same things, and each of them is one and the same action. */
let toolgate: Toolgate
let cli: CommandLine
let token: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  cli = await commandLine(registerActionCommands)
  token = (await toolgate.operatorToken(['operator:admin'])).token
})
afterAll(async () => {
  await cli.close()
  await toolgate.close()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const program = await createProgram()
const sources = readSourceFiles()
const PAGES = [...OPERATOR_PAGES, ...ACCOUNT_PAGES]

function commandOf(root: Command, { command }: Action): Command | undefined {
  return command
    .split(' ')
    .reduce<Command | undefined>((at, word) => at?.commands.find((each) => each.name() === word), root)
}

/** `/operator/grants/:id` is of /operator/grants, which one file of pages is about. */
function subjectPath(path: string): string {
  return path.split('/').slice(0, 3).join('/')
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

/** What our own files a file imports, without those that every file of its kind does. */
function domainOf(path: string): string[] {
  const { imports } = sources.find((file) => file.path === path) ?? { imports: [] }
  return imports.flatMap(({ file, type_only }) =>
    file !== undefined &&
    !type_only &&
    /^src\/(accounts|audit|catalogue|clients|grants)\/|^src\/operator\/[a-z-]+\.ts$/.test(file)
      ? [file]
      : [],
  )
}

/** A subject whose pages are not there yet is not held to them, and none is before any page performs actions. */
const do_perform = sources.some(
  ({ path, imports }) =>
    path.startsWith('src/pages/operator/') && imports.some(({ file }) => file?.startsWith('src/actions/')),
)

const NO_DOMAIN = new Set(['src/actions/action.ts'])

/** How the command line names the least input of an action. */
function wordsFor(action: Action): string[] {
  const input = leastInput(action)
  const in_path = pathMembers(action)
  const options = Object.entries(input).filter(([member]) => !in_path.includes(member))
  return [
    ...action.command.split(' '),
    ...in_path.map((member) => String(input[member])),
    ...options.flatMap(([member, value]) => {
      const flag = `--${member.replaceAll('_', '-')}`
      if (inputDocument(action).properties[member]?.type === 'boolean') return value === true ? [flag] : []
      const texts = (Array.isArray(value) ? value : [value]).map((each) =>
        typeof each === 'object' ? JSON.stringify(each) : String(each),
      )
      return [flag, ...texts]
    }),
    '--json',
  ]
}

/** What `run` was given, by whoever called it. */
async function inputThrough(action: Action, call: () => Promise<unknown>): Promise<unknown[]> {
  const run = vi.spyOn(action, 'run').mockClear().mockResolvedValue({})
  await call()
  return run.mock.calls.map(([, input]) => input)
}

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
    // Of several actions with the same words the first has the command, as with a hand that chooses between them.
    if (ACTIONS.find(({ command }) => command === action.command) !== action) return
    const through_cli = () => cli.run(...wordsFor(action)).catch(() => undefined)
    expect(await inputThrough(action, through_cli)).toEqual(expected)
  })

  it('is a command of the program, with --json', async () => {
    const command = commandOf(program, action)
    expect(command?.options.map(({ long }) => long)).toContain('--json')
  })

  it('reaches the same domain where its command is worded by hand', async () => {
    const { file } = await exportedAs(action)
    const wanted = domainOf(file).filter((path) => !NO_DOMAIN.has(path))
    const [room] = action.command.split(' ')
    const by_hand = sources.filter(({ path }) => path.startsWith('src/cli/') && path.includes(String(room)))
    const made = commandOf(program, action)?.description() === action.summary
    if (made || by_hand.length === 0) return
    const reached = sources
      .filter(({ path }) => path.startsWith('src/cli/'))
      .flatMap(({ path }) => domainOf(path))
    expect(reached.filter((path) => wanted.includes(path)).length).toBeGreaterThan(0)
  })

  const has_pages = PAGES.some(({ path }) => subjectPath(path) === subjectPath(action.page)) && do_perform
  it.runIf(has_pages)('has its page, and pages perform it', async () => {
    expect(PAGES.map(({ path }) => path)).toContain(action.page)
    const { file, name } = await exportedAs(action)
    const performing = sources.filter(
      ({ path, imports, text }) =>
        /^src\/(operator|account)-pages\//.test(path) &&
        imports.some((found) => found.file === file) &&
        new RegExp(`\\b${name}\\b`).test(text),
    )
    expect(performing.map(({ path }) => path)).not.toEqual([])
  })
})
