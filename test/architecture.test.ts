import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { lineOf, linesOf, readSourceFiles, type SourceFile, visit } from './support/source-files.ts'

/** The layers, from the ground up. An import may point down, or to a module beside it; never up. */
const LAYERS = [
  'pure',
  'config',
  'storage',
  'domain',
  'plumbing',
  'protocol',
  'actions',
  'edge',
  'main',
] as const
type Layer = (typeof LAYERS)[number]

/** Every module of `src/` with its layer and the file whose first comment says what the module is for. */
const MODULES: Record<string, { layer: Layer | 'guard'; main: string }> = {
  'audit-chain': { layer: 'pure', main: 'hash-chain.ts' },
  permission: { layer: 'pure', main: 'scopes.ts' },
  base: { layer: 'pure', main: 'errors.ts' },
  config: { layer: 'config', main: 'config.ts' },
  storage: { layer: 'storage', main: 'database.ts' },
  accounts: { layer: 'domain', main: 'accounts.ts' },
  audit: { layer: 'domain', main: 'events/audit-event.ts' },
  catalogue: { layer: 'domain', main: 'catalogue.ts' },
  clients: { layer: 'domain', main: 'registration/client-metadata.ts' },
  grants: { layer: 'domain', main: 'grants.ts' },
  holders: { layer: 'domain', main: 'holders.ts' },
  'personal-tokens': { layer: 'domain', main: 'personal-access-tokens.ts' },
  restore: { layer: 'domain', main: 'restore.ts' },
  'sign-in': { layer: 'domain', main: 'sign-in.ts' },
  usage: { layer: 'domain', main: 'usage.ts' },
  http: { layer: 'plumbing', main: 'request-context.ts' },
  'authorization-server': { layer: 'protocol', main: 'provider.ts' },
  actions: { layer: 'actions', main: 'action.ts' },
  api: { layer: 'edge', main: 'introspection/endpoint.ts' },
  doctor: { layer: 'edge', main: 'doctor.ts' },
  pages: { layer: 'edge', main: 'page.ts' },
  main: { layer: 'main', main: 'app.ts' },
  cli: { layer: 'main', main: 'main.ts' },
  guard: { layer: 'guard', main: 'index.ts' },
}

/** Folders within a module, with the file that says what they are for. */
const INNER_FOLDERS: Record<string, string> = {
  'accounts/sessions': 'sessions.ts',
  'api/introspection': 'endpoint.ts',
  'api/operator-api': 'api.ts',
  'api/operator-mcp': 'server.ts',
  'api/reports': 'endpoint.ts',
  'api/revocation-feed': 'change-feed.ts',
  'audit/events': 'audit-event.ts',
  'audit/explanation': 'explanation.ts',
  'audit/export': 'export.ts',
  'audit/integrity/archive': 'archive.ts',
  'audit/integrity/checkpoints': 'checkpoint.ts',
  'audit/integrity/import': 'import.ts',
  'audit/integrity/restore': 'gap.ts',
  'audit/integrity/verification': 'verify.ts',
  'audit/live': 'event-feed.ts',
  'audit/log': 'audit-log.ts',
  'audit/query': 'audit-store.ts',
  'audit/story': 'story.ts',
  'authorization-server/adapters': 'adapter.ts',
  'authorization-server/outcomes': 'audit-trail.ts',
  'authorization-server/tokens': 'token-transaction.ts',
  'cli/audit': 'audit.ts',
  'cli/serve': 'serve.ts',
  'clients/documents': 'metadata-documents.ts',
  'clients/keys': 'client-keys.ts',
  'clients/registration': 'client-metadata.ts',
  'clients/resource-servers': 'resource-servers.ts',
  'doctor/active': 'run.ts',
  'doctor/clients': 'client-facts.ts',
  'doctor/crawl': 'crawl.ts',
  'doctor/discovery': 'inventory.ts',
  'doctor/report': 'doctor-report.ts',
  'doctor/rules': 'rules.ts',
  'doctor/steps': 'judge.ts',
  'guard/adapters': 'node.ts',
  'guard/answers': 'answer-watch.ts',
  'guard/introspection-client': 'introspection.ts',
  'guard/local': 'local-policy.ts',
  'guard/mcp-sdk': 'index.ts',
  'guard/reports': 'call-report.ts',
  'guard/spool': 'file-spool.ts',
  'pages/account': 'routes.ts',
  'pages/consent': 'routes.ts',
  'pages/operator': 'routes.ts',
  'pages/operator/audit': 'audit.ts',
  'pages/sign-in': 'sign-in.ts',
  'storage/embedded-postgres': 'embedded-postgres.ts',
}

/**
 * Each table with the module that owns it, and the other files whose SQL names it. Whoever else needs it calls the owner.
 * Hot paths read in one statement what several modules own: they are named here and nowhere else.
 */
const TABLES: Record<string, { owner: string; others: string[] }> = {
  access_tokens: {
    owner: 'grants',
    others: [
      'api/introspection/token-lookup.ts',
      'api/reports/report-store.ts',
      'audit/explanation/facts-store.ts',
      'personal-tokens/personal-token-store.ts',
      'personal-tokens/personal-token-view-store.ts',
      'storage/sweep.ts',
    ],
  },
  accounts: {
    owner: 'accounts',
    others: [
      'api/introspection/token-lookup.ts',
      'audit/explanation/facts-store.ts',
      'audit/query/callers-store.ts',
      'audit/story/story-store.ts',
      'clients/client-list-store.ts',
      'grants/grant-list-store.ts',
      'grants/grant-store.ts',
      'grants/preview-store.ts',
      'grants/rotation-store.ts',
      'holders/holder-store.ts',
      'personal-tokens/personal-token-store.ts',
      'personal-tokens/personal-token-view-store.ts',
      'usage/overview-store.ts',
    ],
  },
  audit_checkpoint_heads: { owner: 'audit', others: [] },
  audit_checkpoints: { owner: 'audit', others: ['usage/overview-store.ts'] },
  audit_closings: { owner: 'audit', others: [] },
  audit_events: { owner: 'audit', others: [] },
  audit_writers: { owner: 'audit', others: [] },
  authorization_codes: { owner: 'grants', others: ['storage/sweep.ts'] },
  blocked_clients: { owner: 'clients', others: ['grants/rotation-store.ts'] },
  catalogue_versions: {
    owner: 'catalogue',
    others: ['api/introspection/token-lookup.ts', 'grants/rotation-store.ts'],
  },
  client_key_sets: { owner: 'clients', others: [] },
  clients: {
    owner: 'clients',
    others: [
      'audit/story/story-store.ts',
      'grants/connected-apps-store.ts',
      'grants/grant-list-store.ts',
      'grants/preview-store.ts',
      'grants/rotation-store.ts',
    ],
  },
  grant_tool_uses: { owner: 'usage', others: ['grants/connected-apps-store.ts', 'grants/preview-store.ts'] },
  grants: {
    owner: 'grants',
    others: [
      'accounts/account-store.ts',
      'api/introspection/token-lookup.ts',
      'api/reports/report-store.ts',
      'audit/explanation/facts-store.ts',
      'clients/client-list-store.ts',
      'clients/client-store.ts',
      'holders/holder-store.ts',
      'personal-tokens/personal-token-store.ts',
      'personal-tokens/personal-token-view-store.ts',
      'storage/sweep.ts',
      'usage/overview-store.ts',
      'usage/usage-store.ts',
    ],
  },
  login_attempts: { owner: 'sign-in', others: [] },
  metadata_documents: {
    owner: 'clients',
    others: [
      'audit/story/story-store.ts',
      'grants/connected-apps-store.ts',
      'grants/grant-list-store.ts',
      'grants/grant-store.ts',
      'grants/preview-store.ts',
      'grants/rotation-store.ts',
    ],
  },
  oidc_payloads: { owner: 'storage', others: ['accounts/sessions/browser-session-store.ts'] },
  operator_tokens: { owner: 'accounts', others: ['usage/overview-store.ts'] },
  page_sessions: { owner: 'accounts', others: [] },
  personal_access_tokens: { owner: 'personal-tokens', others: ['usage/overview-store.ts'] },
  refresh_tokens: { owner: 'grants', others: ['audit/explanation/facts-store.ts', 'storage/sweep.ts'] },
  resource_server_reports: { owner: 'api', others: [] },
  resource_servers: {
    owner: 'clients',
    others: ['api/introspection/token-lookup.ts', 'api/reports/report-store.ts'],
  },
  usage_hours: {
    owner: 'usage',
    others: ['audit/integrity/import/import-store.ts', 'audit/query/usage-hours-store.ts'],
  },
}

const FOLDER_FILES_MAX = 16
const FILE_LINES_MAX = 250
const FUNCTION_LINES_MAX = 50
const VAGUE_NAMES = /^(utils?|helpers?|common|types?|constants?|misc|shared)$/

const files = readSourceFiles()

function moduleOf(path: string): string | undefined {
  const [, module, ...rest] = path.split('/')
  return rest.length > 0 ? module : undefined
}

function layerOf(path: string): Layer | 'guard' | undefined {
  return MODULES[moduleOf(path) ?? '']?.layer
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

/** What the command line may use of the rest: what it performs, and what no action is. */
const USED_BY_CLI =
  /^src\/((cli|actions|main|config|base|storage|doctor|restore)\/|api\/operator-api\/(audit-routes|openapi|operator-resource|schema-documents)\.ts$|audit\/(integrity|import|export|live)\/)/

/** The command line reaches these, and no other part of the domain, without an action. */
const CLI_EXCEPTIONS = [
  'src/cli/catalogue-discover.ts src/catalogue/catalogue-file.ts',
  'src/cli/catalogue-discover.ts src/catalogue/catalogue-merge.ts',
  'src/cli/catalogue-discover.ts src/catalogue/catalogue-text.ts',
  'src/cli/catalogue-discover.ts src/catalogue/catalogue.ts',
  'src/cli/catalogue.ts src/catalogue/catalogue-file.ts',
  'src/cli/context.ts src/accounts/operator-scopes.ts',
  'src/cli/context.ts src/catalogue/catalogue-store.ts',
  'src/cli/keys.ts src/authorization-server/keys.ts',
  'src/cli/keys.ts src/clients/keys/signing-key.ts',
  'src/cli/review.ts src/catalogue/catalogue-file.ts',
  'src/cli/review.ts src/catalogue/catalogue.ts',
]

/** Where SQL may stand. */
function speaksSql(path: string): boolean {
  return /^src\/storage\/|-store\.ts$|\/token-lookup\.ts$|\/audit-writer\.ts$/.test(path)
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

/** The tables that the SQL of a file reads or writes, each once. */
function tablesIn(text: string): string[] {
  return Object.keys(TABLES).filter((table) =>
    new RegExp(
      `\\b(?:from|join|into|update|only|using)\\s+${table}\\b|\\(['"]${table}(?: as [a-z]+)?['"]`,
      'i',
    ).test(text),
  )
}

describe('the layers', () => {
  it('every file stands in a module, and every module is there', () => {
    expect(files.filter(({ path }) => layerOf(path) === undefined).map(({ path }) => path)).toEqual([])
    const modules = new Set(files.map(({ path }) => moduleOf(path)))
    expect(Object.keys(MODULES).filter((name) => !modules.has(name))).toEqual([])
  })

  it('an import points down or beside, never up', () => {
    const height = (path: string) => LAYERS.indexOf(layerOf(path) as Layer)
    // ADR 0020: Toolgate's own MCP server has the same guard in front as every other.
    const is_guarded = (path: string) => path.startsWith('src/api/operator-mcp/')
    expect(
      importOffenders(
        ({ path }, { file }) =>
          file !== undefined &&
          layerOf(path) !== 'guard' &&
          (layerOf(file) === 'guard' ? !is_guarded(path) : height(file) > height(path)),
      ),
    ).toEqual([])
  })

  it('the pure modules import no package', () => {
    expect(
      importOffenders(
        ({ path }, { file, specifier }) =>
          layerOf(path) === 'pure' && file === undefined && !specifier.startsWith('node:'),
      ),
    ).toEqual([])
  })

  it('the pure modules import nothing of ours but each other', () => {
    const leaves = (path: string, file?: string) =>
      layerOf(path) === 'pure' && file !== undefined && layerOf(file) !== 'pure'
    expect(importOffenders(({ path }, { file }) => leaves(path, file))).toEqual([])
  })

  it('modules beside each other do not import each other in circles', () => {
    const needs = new Map<string, Set<string>>()
    for (const { path, imports } of files) {
      const from = moduleOf(path)
      for (const { file } of imports) {
        const to = file === undefined ? undefined : moduleOf(file)
        if (from && to && from !== to) needs.set(from, (needs.get(from) ?? new Set()).add(to))
      }
    }
    const reach = (module: string, seen = new Set<string>()): Set<string> => {
      for (const next of needs.get(module) ?? []) if (!seen.has(next)) reach(next, seen.add(next))
      return seen
    }
    expect([...needs.keys()].filter((module) => reach(module).has(module))).toEqual([])
  })

  it('doctor/ stands on the pure modules and knows catalogues by their type, so that it could be a package', () => {
    expect(
      importOffenders(({ path }, { file, type_only }) => {
        if (moduleOf(path) !== 'doctor' || file === undefined) return false
        const is_type_of_catalogue = type_only && moduleOf(file) === 'catalogue'
        return !['doctor', 'permission', 'base'].includes(moduleOf(file) ?? '') && !is_type_of_catalogue
      }),
    ).toEqual([])
  })

  it('guard/ stands on the pure modules, and imports nothing else of ours and no package', () => {
    const is_below = (path: string) => layerOf(path) === 'pure'
    expect(
      importOffenders(({ path }, { file, specifier }) => {
        if (layerOf(path) !== 'guard') return false
        if (file === undefined) return !specifier.startsWith('node:')
        return layerOf(file) !== 'guard' && !is_below(file)
      }),
    ).toEqual([])
  })
})

describe('what may be used where', () => {
  it('oidc-provider lives in authorization-server/ and pages/consent/, and is never entered by a deep path', () => {
    expect(
      importOffenders(({ path }, { specifier }) => {
        if (!isPackage(specifier, 'oidc-provider')) return false
        return specifier !== 'oidc-provider' || !/^src\/(authorization-server|pages\/consent)\//.test(path)
      }),
    ).toEqual([])
  })

  it('the command line reaches the domain through actions only; a first start, and the files named here, are none', () => {
    const reached = files
      .filter(({ path }) => path.startsWith('src/cli/') && !path.startsWith('src/cli/serve/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ file, type_only }) => file !== undefined && !type_only && !USED_BY_CLI.test(file))
          .map(({ file }) => `${path} ${file}`),
      )
    expect(reached.toSorted()).toEqual(CLI_EXCEPTIONS)
  })

  it('knex itself is imported only where SQL may stand; elsewhere only its type is passed on', () => {
    expect(
      importOffenders(
        ({ path }, { specifier, type_only }) =>
          isPackage(specifier, 'knex') && !type_only && !speaksSql(path),
      ),
    ).toEqual([])
  })

  it('pg is known only where SQL may stand; the introspection batch and the audit log pass its type on', () => {
    expect(
      importOffenders(
        ({ path }, { specifier, type_only }) =>
          isPackage(specifier, 'pg') &&
          !speaksSql(path) &&
          !(type_only && /\/(batch|audit-log)\.ts$/.test(path)),
      ),
    ).toEqual([])
  })

  it('SQL stands in storage/, *-store.ts, token-lookup.ts and audit-writer.ts', () => {
    expect(nodeOffenders((node, { path }) => (speaksSql(path) ? undefined : sqlOf(node)))).toEqual([])
  })

  it('SQL names a table in the module that owns it, and elsewhere only in the files named here', () => {
    const named = files
      .filter(({ path }) => speaksSql(path))
      .flatMap(({ path, text }) => tablesIn(text).map((table) => ({ path, table })))
    const owns = ({ path, table }: { path: string; table: string }) => TABLES[table]?.owner === moduleOf(path)
    const visitors = named.filter((each) => !owns(each))
    const allowed = Object.entries(TABLES).flatMap(([table, { others }]) =>
      others.map((path) => `${table} ${path}`),
    )
    expect(visitors.map(({ path, table }) => `${table} ${path.slice('src/'.length)}`).toSorted()).toEqual(
      allowed.toSorted(),
    )
  })

  it('every table has an owner', () => {
    const created = readdirSync('migrations').flatMap((name) => [
      ...readFileSync(`migrations/${name}`, 'utf8').matchAll(
        /create (?:unlogged )?table (?:if not exists )?([a-z_]+)/g,
      ),
    ])
    const tables = created.map(([, table]) => table ?? '').filter((table) => table !== 'audit_events_default')
    expect([...new Set(tables)].toSorted()).toEqual(Object.keys(TABLES).toSorted())
  })

  it('process.env is read in config.ts only', () => {
    expect(
      nodeOffenders((node, { path }) => {
        if (path === 'src/config/config.ts' || !ts.isPropertyAccessExpression(node)) return undefined
        return /^(globalThis\.)?process\.env$/.test(node.getText()) ? 'process.env' : undefined
      }),
    ).toEqual([])
  })

  it('base/json.ts alone calls JSON.parse, which misreads escaped names, and nobody a reader that calls it', () => {
    expect(
      nodeOffenders((node, { path }) => {
        if (path === 'src/base/json.ts') return undefined
        const is_reader = ts.isCallExpression(node) && node.arguments.length === 0
        const read = is_reader && /(?<!^z)\.json$/.test(node.expression.getText())
        return read || (ts.isPropertyAccessExpression(node) && node.getText() === 'JSON.parse')
          ? node.getText()
          : undefined
      }),
    ).toEqual([])
  })

  it('koa is known to the plumbing, the protocol, the edge and main/app.ts', () => {
    const known = (path: string) =>
      ['plumbing', 'protocol'].includes(layerOf(path) ?? '') ||
      /^src\/(api\/operator-(api|mcp)\/|pages\/|api\/[a-z-]+\/endpoint\.ts$|main\/app\.ts$)/.test(path)
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

  it(`a folder has at most ${FOLDER_FILES_MAX} files`, () => {
    const counts = new Map<string, number>()
    for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
    expect([...counts].filter(([, count]) => count > FOLDER_FILES_MAX)).toEqual([])
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

  it('a folder within a module is named here', () => {
    const folders = files.map(({ path }) => path.split('/').slice(1, -1).join('/'))
    const inner = new Set(folders.filter((folder) => folder.includes('/')))
    expect([...inner].toSorted()).toEqual(Object.keys(INNER_FOLDERS))
  })

  it('the main file of every module and folder begins by saying what it is for', () => {
    const outer = Object.entries(MODULES).map(([folder, { main }]) => [folder, main])
    const silent = [...outer, ...Object.entries(INNER_FOLDERS)].filter(([folder, main]) => {
      const file = files.find(({ path }) => path === `src/${folder}/${main}`)
      if (!file) return true
      const first = file.tree.statements.find((statement) => !ts.isImportDeclaration(statement))
      const starts = [0, first?.getFullStart() ?? 0]
      return !starts.some((start) =>
        (ts.getLeadingCommentRanges(file.text, start) ?? []).some(
          ({ pos, end }) => end - pos > '/** A few words. */'.length && file.text[pos + 1] !== '!',
        ),
      )
    })
    expect(silent.map(([folder, main]) => `src/${folder}/${main}`)).toEqual([])
  })
})
