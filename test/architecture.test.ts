import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { lineOf, linesOf, readSourceFiles, type SourceFile, visit } from './support/source-files.ts'

/** The floors of the house, from the ground up. An import may point down, or to a room beside it; never up. */
const FLOORS = ['ground', 'storage', 'domain', 'plumbing', 'protocol', 'edge', 'roof'] as const
type Floor = (typeof FLOORS)[number]

/** Every folder of `src/` with its floor and the file whose first comment says what the folder is for. */
const ROOMS: Record<string, { floor: Floor | 'annex'; main: string }> = {
  evidence: { floor: 'ground', main: 'hash-chain.ts' },
  permission: { floor: 'ground', main: 'scopes.ts' },
  storage: { floor: 'storage', main: 'database.ts' },
  accounts: { floor: 'domain', main: 'accounts.ts' },
  audit: { floor: 'domain', main: 'audit-event.ts' },
  catalogue: { floor: 'domain', main: 'catalogue.ts' },
  clients: { floor: 'domain', main: 'client-metadata.ts' },
  grants: { floor: 'domain', main: 'grants.ts' },
  http: { floor: 'plumbing', main: 'request-context.ts' },
  probe: { floor: 'plumbing', main: 'exchange.ts' },
  'authorization-server': { floor: 'protocol', main: 'provider.ts' },
  interactions: { floor: 'edge', main: 'routes.ts' },
  doctor: { floor: 'edge', main: 'doctor.ts' },
  introspection: { floor: 'edge', main: 'endpoint.ts' },
  discovery: { floor: 'edge', main: 'inventory.ts' },
  operator: { floor: 'edge', main: 'api.ts' },
  reports: { floor: 'edge', main: 'endpoint.ts' },
  pages: { floor: 'edge', main: 'page.ts' },
  'operator-pages': { floor: 'edge', main: 'routes.ts' },
  review: { floor: 'edge', main: 'review.ts' },
  'account-pages': { floor: 'edge', main: 'routes.ts' },
  cli: { floor: 'roof', main: 'main.ts' },
  'resource-server': { floor: 'annex', main: 'index.ts' },
}

/** Folders within a room, with the same. */
const INNER_ROOMS: Record<string, string> = {
  'audit/archive': 'archive.ts',
  'audit/chain': 'audit-writer.ts',
  'audit/checkpoints': 'checkpoint.ts',
  'audit/explanation': 'explanation.ts',
  'audit/export': 'export.ts',
  'audit/import': 'import.ts',
  'audit/live': 'event-feed.ts',
  'audit/reading': 'audit-store.ts',
  'audit/story': 'story.ts',
  'audit/verification': 'verify.ts',
  'doctor/clients': 'index.ts',
  'doctor/steps': 'reach.ts',
  'introspection/changes': 'change-feed.ts',
  'operator/actions': 'index.ts',
  'operator/mcp': 'server.ts',
  'resource-server/adapters': 'node.ts',
  'resource-server/asking': 'introspection.ts',
  'resource-server/local': 'local-policy.ts',
  'resource-server/mcp-sdk': 'index.ts',
  'resource-server/reports': 'call-report.ts',
  'resource-server/spool': 'file-spool.ts',
  'review/active': 'active-run.ts',
  'review/checks': 'exposure.ts',
}

/** Files that stand in no folder. */
const SINGLE_FILES: Record<string, Floor> = {
  'config.ts': 'ground',
  'environment.ts': 'ground',
  'errors.ts': 'ground',
  'app.ts': 'roof',
  'installation.ts': 'roof',
  'maintenance.ts': 'roof',
  'server.ts': 'roof',
}

const FILE_LINES_MAX = 250
const FUNCTION_LINES_MAX = 50
const VAGUE_NAMES = /^(utils?|helpers?|common|types?|constants?|misc|shared)$/

const files = readSourceFiles()

function roomOf(path: string): string | undefined {
  const [, room, ...rest] = path.split('/')
  return rest.length > 0 ? room : undefined
}

function floorOf(path: string): Floor | 'annex' | undefined {
  const room = roomOf(path)
  return room === undefined ? SINGLE_FILES[path.slice('src/'.length)] : ROOMS[room]?.floor
}

/** `src/<file>:<line> <what>` for everything `find` finds, in every file. */
function offenders(find: (file: SourceFile) => { line: number; what: string }[]): string[] {
  return files.flatMap((file) => find(file).map(({ line, what }) => `${file.path}:${line} ${what}`))
}

function importOffenders(isWrong: (file: SourceFile, found: SourceFile['imports'][number]) => boolean) {
  return offenders((file) =>
    file.imports
      .filter((found) => isWrong(file, found))
      .map(({ line, specifier }) => ({ line, what: specifier })),
  )
}

function nodeOffenders(what: (node: ts.Node, file: SourceFile) => string | undefined): string[] {
  return offenders((file) => {
    const found: { line: number; what: string }[] = []
    visit(file.tree, (node) => {
      const said = what(node, file)
      if (said !== undefined) found.push({ line: lineOf(file.tree, node), what: said })
    })
    return found
  })
}

/** A package by its name, with everything below it. */
function isPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`)
}

/** Where SQL may stand. */
function speaksSql(path: string): boolean {
  return /^src\/storage\/|-store\.ts$|\/token-lookup\.ts$|\/audit-(log|writer)\.ts$/.test(path)
}

const SQL_METHODS = new Set([
  'raw',
  'whereRaw',
  'andWhereRaw',
  'orWhereRaw',
  'havingRaw',
  'orderByRaw',
  'joinRaw',
])
const CONNECTIONS = new Set(['db', 'knex', 'trx', 'transaction', 'connection'])

/** `x.raw(…)`, `hot.query(…)` and `db('table')`. */
function sqlOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node)) return undefined
  const { expression, arguments: given } = node
  if (ts.isPropertyAccessExpression(expression)) {
    const { name } = expression
    return SQL_METHODS.has(name.text) || name.text === 'query' ? expression.getText() : undefined
  }
  const [first] = given
  const isTable = first !== undefined && ts.isStringLiteralLike(first)
  return ts.isIdentifier(expression) && CONNECTIONS.has(expression.text) && isTable
    ? node.getText().slice(0, 40)
    : undefined
}

describe('the floors', () => {
  it('every file stands on a floor, and every room is there', () => {
    expect(files.filter(({ path }) => floorOf(path) === undefined).map(({ path }) => path)).toEqual([])
    const rooms = new Set(files.map(({ path }) => roomOf(path)))
    expect(Object.keys(ROOMS).filter((room) => !rooms.has(room))).toEqual([])
  })

  it('an import points down or beside, never up', () => {
    const height = (path: string) => FLOORS.indexOf(floorOf(path) as Floor)
    // ADR 0020: Toolgate's own MCP server has the same guard in front as every other.
    const is_guarded = (path: string) => path.startsWith('src/operator/mcp/')
    expect(
      importOffenders(
        ({ path }, { file }) =>
          file !== undefined &&
          floorOf(path) !== 'annex' &&
          (floorOf(file) === 'annex' ? !is_guarded(path) : height(file) > height(path)),
      ),
    ).toEqual([])
  })

  it('rooms of the ground import no package', () => {
    expect(
      importOffenders(
        ({ path }, { file, specifier }) =>
          roomOf(path) !== undefined &&
          floorOf(path) === 'ground' &&
          file === undefined &&
          !specifier.startsWith('node:'),
      ),
    ).toEqual([])
  })

  it('the ground imports nothing of ours but ground', () => {
    const leaves = (path: string, file?: string) =>
      floorOf(path) === 'ground' && file !== undefined && floorOf(file) !== 'ground'
    expect(importOffenders(({ path }, { file }) => leaves(path, file))).toEqual([])
  })

  it('rooms beside each other do not import each other in circles', () => {
    const needs = new Map<string, Set<string>>()
    for (const { path, imports } of files) {
      const from = roomOf(path)
      for (const { file } of imports) {
        const to = file === undefined ? undefined : roomOf(file)
        if (from && to && from !== to) needs.set(from, (needs.get(from) ?? new Set()).add(to))
      }
    }
    const reach = (room: string, seen = new Set<string>()): Set<string> => {
      for (const next of needs.get(room) ?? []) if (!seen.has(next)) reach(next, seen.add(next))
      return seen
    }
    expect([...needs.keys()].filter((room) => reach(room).has(room))).toEqual([])
  })

  it('resource-server/ stands on rooms of the ground, and imports nothing else of ours and no package', () => {
    const is_below = (path: string) => floorOf(path) === 'ground' && roomOf(path) !== undefined
    expect(
      importOffenders(({ path }, { file, specifier }) => {
        if (floorOf(path) !== 'annex') return false
        if (file === undefined) return !specifier.startsWith('node:')
        return floorOf(file) !== 'annex' && !is_below(file)
      }),
    ).toEqual([])
  })
})

describe('what may be used where', () => {
  it('oidc-provider lives in authorization-server/ and interactions/, and is never entered by a deep path', () => {
    expect(
      importOffenders(({ path }, { specifier }) => {
        if (!isPackage(specifier, 'oidc-provider')) return false
        const room = roomOf(path) ?? ''
        return specifier !== 'oidc-provider' || !['authorization-server', 'interactions'].includes(room)
      }),
    ).toEqual([])
  })

  it('knex itself is imported only where SQL may stand; elsewhere only its type is passed on', () => {
    expect(
      importOffenders(
        ({ path }, { specifier, type_only }) =>
          isPackage(specifier, 'knex') && !type_only && !speaksSql(path),
      ),
    ).toEqual([])
  })

  it('pg is known only where SQL may stand; the introspection batch passes its type on', () => {
    expect(
      importOffenders(
        ({ path }, { specifier, type_only }) =>
          isPackage(specifier, 'pg') &&
          !speaksSql(path) &&
          !(type_only && path === 'src/introspection/batch.ts'),
      ),
    ).toEqual([])
  })

  it('SQL stands in storage/, *-store.ts, token-lookup.ts, audit-log.ts and audit-writer.ts', () => {
    expect(nodeOffenders((node, { path }) => (speaksSql(path) ? undefined : sqlOf(node)))).toEqual([])
  })

  it('process.env is read in config.ts only', () => {
    expect(
      nodeOffenders((node, { path }) => {
        if (path === 'src/config.ts' || !ts.isPropertyAccessExpression(node)) return undefined
        return /^(globalThis\.)?process\.env$/.test(node.getText()) ? 'process.env' : undefined
      }),
    ).toEqual([])
  })

  it('koa is known to the plumbing, the protocol, the edge and app.ts', () => {
    const known = (path: string) =>
      ['plumbing', 'protocol'].includes(floorOf(path) ?? '') ||
      /^src\/(interactions\/|operator\/|pages\/|account-pages\/|operator-pages\/|introspection\/(changes\/)?endpoint\.ts$|reports\/endpoint\.ts$|app\.ts$)/.test(
        path,
      )
    expect(
      importOffenders(({ path }, { specifier }) => /^(koa|@koa\/.*|koa-.*)$/.test(specifier) && !known(path)),
    ).toEqual([])
  })
})

describe('shape', () => {
  it(`a file has at most ${FILE_LINES_MAX} lines`, () => {
    const long = files.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    expect(long.filter(({ lines }) => lines > FILE_LINES_MAX)).toEqual([])
  })

  it(`a function has at most ${FUNCTION_LINES_MAX} lines`, () => {
    expect(
      nodeOffenders((node, { tree }) => {
        const lines = ts.isFunctionLike(node) ? linesOf(tree, node) : 0
        return lines > FUNCTION_LINES_MAX ? `${lines} lines` : undefined
      }),
    ).toEqual([])
  })

  it('no file has a name that says nothing', () => {
    const names = files.flatMap(({ path }) => path.split('/').map((part) => ({ path, part })))
    expect(names.filter(({ part }) => VAGUE_NAMES.test(part.replace(/\.ts$/, '')))).toEqual([])
  })

  it('exports are named', () => {
    expect(
      nodeOffenders((node) => {
        if (ts.isExportAssignment(node)) return 'export default'
        if (ts.isExportSpecifier(node) && node.name.text === 'default') return 'export default'
        const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
        const isDefault = modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
        return isDefault ? 'export default' : undefined
      }),
    ).toEqual([])
  })

  it('a folder within a room is named here', () => {
    const folders = files.map(({ path }) => path.split('/').slice(1, -1).join('/'))
    const inner = new Set(folders.filter((folder) => folder.includes('/')))
    expect([...inner].toSorted()).toEqual(Object.keys(INNER_ROOMS))
  })

  it('the main file of every room begins by saying what the room is for', () => {
    const outer = Object.entries(ROOMS).map(([room, { main }]) => [room, main])
    const silent = [...outer, ...Object.entries(INNER_ROOMS)].filter(([room, main]) => {
      const file = files.find(({ path }) => path === `src/${room}/${main}`)
      if (!file) return true
      const first = file.tree.statements.find((statement) => !ts.isImportDeclaration(statement))
      const starts = [0, first?.getFullStart() ?? 0]
      return !starts.some((start) =>
        (ts.getLeadingCommentRanges(file.text, start) ?? []).some(
          ({ pos, end }) => end - pos > '/** A few words. */'.length && file.text[pos + 1] !== '!',
        ),
      )
    })
    expect(silent.map(([room, main]) => `src/${room}/${main}`)).toEqual([])
  })
})
