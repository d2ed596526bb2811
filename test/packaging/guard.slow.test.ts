import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../support/introspection-stand-in.ts'
import { ENVIRONMENT, install, lint, pack, run, temporaryDirectory } from '../support/packed.ts'
import { ROOT, readDocument } from '../support/readme.ts'

/** `toolgate-guard` as npm would publish it, used by somebody who has nothing else of this project. */
const RESOURCE = 'https://notes.example/mcp'

/** Every entry, with what it is for. */
const ENTRIES: Record<string, string> = {
  'toolgate-guard': 'createGuard',
  'toolgate-guard/express': 'protectExpress',
  'toolgate-guard/fetch': 'protectFetchHandler',
  'toolgate-guard/hono': 'protectHono',
  'toolgate-guard/koa': 'protectKoa',
  'toolgate-guard/local': 'localPolicy',
  'toolgate-guard/mcp-sdk': 'tokenVerifier',
  'toolgate-guard/node': 'protectNodeHandler',
  'toolgate-guard/spool': 'fileSpool',
}

let directory: string
let project: string
let tarball: string
let as: IntrospectionStandIn

beforeAll(async () => {
  directory = temporaryDirectory()
  project = join(directory, 'project')
  tarball = await pack('./packages/guard', directory)
  await install(tarball, project)
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: ['get_note'] })
}, 300_000)
afterAll(async () => {
  await as?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** What a program that stands in the project prints, as JSON. */
async function printed(code: string, type: 'module' | 'commonjs' = 'module') {
  const options = [`--input-type=${type}`, '--eval', code]
  const { stdout } = await run(process.execPath, options, { cwd: project, env: ENVIRONMENT })
  return JSON.parse(stdout)
}

describe('the packed guard', () => {
  it('is installed alone', () => {
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'toolgate-guard',
    ])
  })

  it('carries its licence and its README, and no source', () => {
    const carried = readdirSync(join(project, 'node_modules', 'toolgate-guard'), {
      recursive: true,
      encoding: 'utf8',
    })
    expect(carried).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
    expect(carried.filter((name) => /(?<!\.d)\.ts$|\.map$/.test(name))).toEqual([])
  })

  it('is without a mistake for publint and for “Are the types wrong?”', async () => {
    const { publint, attw } = await lint(tarball)
    expect(publint).toContain('All good!')
    for (const resolved of [/^node16 \(from ESM\): OK \(ESM\)$/gm, /^bundler: OK *$/gm])
      expect(attw.match(resolved)).toHaveLength(Object.keys(ENTRIES).length)
  })

  it('loads by every entry, by import and by require', async () => {
    const { exports } = JSON.parse(readDocument('packages/guard/package.json'))
    const published = Object.keys(exports).filter((path) => path !== './package.json')
    expect(Object.keys(ENTRIES)).toEqual(published.map((path) => path.replace('.', 'toolgate-guard')))
    const paths = JSON.stringify(Object.keys(ENTRIES))
    const imported = await printed(
      `const loaded = await Promise.all(${paths}.map((path) => import(path)))
       console.log(JSON.stringify(loaded.map(Object.keys)))`,
    )
    const required = await printed(
      `console.log(JSON.stringify(${paths}.map((path) => Object.keys(require(path)))))`,
      'commonjs',
    )
    for (const [index, name] of Object.values(ENTRIES).entries()) {
      expect(imported[index]).toContain(name)
      expect(required[index]).toContain(name)
    }
  })
})

describe('what needs no framework', () => {
  it('asks the authorization server, keeps its reports in a file, and verifies tokens for the MCP SDK', async () => {
    const { client_id, client_secret } = RESOURCE_SERVER
    const options = { resource: RESOURCE, issuer: as.issuer, client_id, client_secret, default_scopes: ['a'] }
    const said = await printed(`
      import { createGuard } from 'toolgate-guard'
      import { protectFetchHandler } from 'toolgate-guard/fetch'
      import { tokenVerifier } from 'toolgate-guard/mcp-sdk'
      import { fileSpool } from 'toolgate-guard/spool'
      const guard = createGuard({ ...${JSON.stringify(options)}, reports: { spool: fileSpool('spool') } })
      const handler = protectFetchHandler(guard, (_, { authInfo: { extra } }) =>
        Response.json({ jsonrpc: '2.0', id: 1, result: { sub: extra.sub } }))
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_note' } })
      const call = (headers) => handler(new Request('${RESOURCE}', { method: 'POST', headers, body }))
      const stranger = await call({})
      const caller = await call({ authorization: 'Bearer reader' })
      const { result } = await caller.json()
      const verified = await tokenVerifier(guard, { OAuthError: Error }).verifyAccessToken('reader')
      await guard.close()
      console.log(JSON.stringify([stranger.status, caller.status, result.sub, verified.clientId]))
    `)
    expect(said).toEqual([401, 200, 'ada', 'c'])
    expect(as.reports).toMatchObject([{ outcome: 'ok' }])
    expect(readdirSync(project)).toContain('spool')
  })

  it('decides and records on one machine, without an authorization server', async () => {
    const resource = 'http://localhost:4001/mcp'
    const scope = { name: 'notes:read', description: 'Reads', tools: ['get_note'], includes: [] }
    const catalogue = {
      resources: [{ resource, name: 'Notes', default_scopes: ['notes:read'], scopes: [scope] }],
    }
    const statuses = await printed(`
      import { createGuard } from 'toolgate-guard'
      import { protectFetchHandler } from 'toolgate-guard/fetch'
      import { fileLog, localPolicy } from 'toolgate-guard/local'
      const local = localPolicy({ catalogue: ${JSON.stringify(catalogue)}, log: fileLog('calls.jsonl') })
      const guard = createGuard({ mode: 'none', resource: '${resource}', default_scopes: ['notes:read'], local })
      const connection = () => ({ local_address: '127.0.0.1', remote_address: '127.0.0.1' })
      const handler = protectFetchHandler(guard, () => new Response('{}'), { connection })
      const headers = { host: 'localhost:4001' }
      const statuses = []
      for (const name of ['get_note', 'delete_note']) {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
        statuses.push((await handler(new Request('${resource}', { method: 'POST', headers, body }))).status)
      }
      await guard.close()
      console.log(JSON.stringify(statuses))
    `)
    expect(statuses).toEqual([200, 403])
    expect(readFileSync(join(project, 'calls.jsonl'), 'utf8').trim().split('\n').length).toBeGreaterThan(1)
  })
})

/** What a strict program says of the entries that it names. */
const SERVER = `
  import { createServer } from 'node:http'
  import { type AuthInfo, createGuard } from 'toolgate-guard'
  import { protectExpress } from 'toolgate-guard/express'
  import { protectKoa } from 'toolgate-guard/koa'
  import { fileLog, localPolicy } from 'toolgate-guard/local'
  import { listen, protectNodeHandler } from 'toolgate-guard/node'
  import { fileSpool } from 'toolgate-guard/spool'
  const guard = createGuard({ resource: 'http://localhost:1/mcp', issuer: 'http://localhost:2', client_id: 'a',
    client_secret: 'b', default_scopes: ['c'], reports: { spool: fileSpool('spool') },
    local: localPolicy({ catalogue: { resources: [] }, log: fileLog('calls.jsonl') }) })
  const handler = protectNodeHandler(guard, ({ auth }: { auth: AuthInfo }) => auth.extra.tools.length)
  export const address = listen(guard, createServer(handler), { port: 0 })
  export const middleware = [protectExpress(guard), protectKoa(guard)]
  // @ts-expect-error: the types are there, so a wrong option is found
  createGuard({ resource: 'http://localhost:1/mcp', default_scopes: 1 })
`
/** The same where there is no Node, and so not its types. */
const WORKER = `
  import { createGuard } from 'toolgate-guard'
  import { protectFetchHandler } from 'toolgate-guard/fetch'
  import { type GuardedByHono, protectHono } from 'toolgate-guard/hono'
  import { tokenVerifier } from 'toolgate-guard/mcp-sdk'
  const guard = createGuard({ resource: 'http://localhost:1/mcp', default_scopes: ['c'] })
  export const fetch = protectFetchHandler(guard, (request, { authInfo }) => new Response(authInfo.clientId + request.url))
  export const middleware = protectHono(guard)
  export type Variables = GuardedByHono
  export const verifier = tokenVerifier(guard, { OAuthError: Error })
`
const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

describe.each(RESOLUTIONS)('the types, for a strict project with $moduleResolution', (resolution) => {
  it.each([
    ['on Node', SERVER, { lib: ['es2024'], types: ['node'] }],
    ['in a worker, without the types of Node', WORKER, { lib: ['es2022', 'webworker'], types: [] }],
  ])('%s', async (_, code, options) => {
    const program = mkdtempSync(join(project, 'program-'))
    const types = join(program, 'node_modules', '@types')
    mkdirSync(types, { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(types, 'node'))
    writeFileSync(join(program, 'program.ts'), code)
    const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true }
    const compilerOptions = { ...resolution, ...strict, ...options, target: 'es2022' }
    writeFileSync(join(program, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const said = await run(process.execPath, [compiler, '--project', program]).catch(({ stdout }) => ({
      stdout,
    }))
    expect(said.stdout).toBe('')
  })
})
