import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { ROOT } from './support/readme.ts'

/** What npm would publish: built and packed elsewhere, then used by somebody who has nothing else of this project. */
const run = promisify(execFile)
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

let directory: string
let package_directory: string
let database: TestDatabase

const PACKED = ['package.json', 'README.md', 'LICENSE', 'catalogue.yaml', 'views']

async function pack(): Promise<void> {
  const staging = join(directory, 'staging')
  mkdirSync(staging)
  for (const name of PACKED) cpSync(join(ROOT, name), join(staging, name), { recursive: true })
  await run(process.execPath, [TSC, '-p', 'tsconfig.build.json', '--outDir', join(staging, 'dist')], {
    cwd: ROOT,
  })
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], {
    cwd: staging,
  })
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? ''
  package_directory = join(directory, 'consumer', 'node_modules', 'toolgate')
  mkdirSync(package_directory, { recursive: true })
  await run('tar', ['-xzf', join(directory, tarball), '-C', package_directory, '--strip-components=1'])
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'toolgate-package-'))
  database = await createTestDatabase({ from: 'nothing' })
  await pack()
})
afterAll(async () => {
  await database?.drop()
  rmSync(directory, { recursive: true, force: true })
})

/** What each entry of the guard is for. */
const GUARD_ENTRIES: Record<string, string> = {
  'resource-server': 'createGuard',
  'resource-server/express': 'protectExpress',
  'resource-server/fetch': 'protectFetchHandler',
  'resource-server/hono': 'protectHono',
  'resource-server/koa': 'protectKoa',
  'resource-server/local': 'localPolicy',
  'resource-server/mcp-sdk': 'tokenVerifier',
  'resource-server/node': 'protectNodeHandler',
  'resource-server/spool': 'fileSpool',
}

function exportedGuardEntries(): string[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const paths = Object.keys(exports).map((path) => path.slice('./'.length))
  return paths.filter((path) => path.startsWith('resource-server')).sort()
}

const consumer = () => join(directory, 'consumer')

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

describe('the packed guard', () => {
  it('loads where no npm package is installed, by every entry', async () => {
    expect(Object.keys(GUARD_ENTRIES).sort()).toEqual(exportedGuardEntries())
    const loaded = Object.keys(GUARD_ENTRIES).map((path) => `import('toolgate/${path}')`)
    const code = `Promise.all([${loaded}]).then((guard) => console.log(JSON.stringify(guard.map(Object.keys))))`
    const { stdout } = await run(process.execPath, ['--eval', code], { cwd: consumer() })
    const names: string[][] = JSON.parse(stdout)
    for (const [index, name] of Object.values(GUARD_ENTRIES).entries()) expect(names[index]).toContain(name)
  })

  it('has types that a strict TypeScript project accepts', async () => {
    writeFileSync(
      join(consumer(), 'server.mts'),
      `import { type AuthInfo, createGuard } from 'toolgate/resource-server'
       import { protectExpress } from 'toolgate/resource-server/express'
       import { protectFetchHandler } from 'toolgate/resource-server/fetch'
       import { type GuardedByHono, protectHono } from 'toolgate/resource-server/hono'
       import { protectKoa } from 'toolgate/resource-server/koa'
       import { listen, protectNodeHandler } from 'toolgate/resource-server/node'
       const options = { resource: 'http://localhost:1/mcp', issuer: 'http://localhost:2', client_id: 'a',
         client_secret: 'b', default_scopes: ['c'] }
       protectNodeHandler(createGuard(options), ({ auth }: { auth: AuthInfo }) => auth.extra.tools.length)
       const guard = createGuard(options)
       protectFetchHandler(guard, (request, { authInfo }) => new Response(authInfo.clientId + request.url))
       export const made = [protectExpress(guard), protectHono(guard), protectKoa(guard), listen] as const
       export type Variables = GuardedByHono
       // @ts-expect-error: the types are there, so a wrong option is found
       createGuard({ ...options, default_scopes: 1 })
      `,
    )
    mkdirSync(join(consumer(), 'node_modules', '@types'), { recursive: true })
    for (const name of ['@types/node', 'undici-types'])
      symlinkSync(join(ROOT, 'node_modules', name), join(consumer(), 'node_modules', name))
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
    await run(process.execPath, [TSC, ...options, 'server.mts'], { cwd: consumer() })
  })
})

describe('the packed server', () => {
  const main = () => join(package_directory, 'dist', 'src', 'cli', 'main.js')

  // Its dependencies are the installed ones; what is under test is what the package itself carries.
  beforeAll(() => symlinkSync(join(ROOT, 'node_modules'), join(package_directory, 'node_modules')))

  it('has a command line', async () => {
    const { stdout } = await run(process.execPath, [main(), '--help'], { cwd: directory })
    expect(stdout).toContain('Usage: toolgate')
  })

  it('serves with its own migrations, views and catalogue', async () => {
    const port = await freePort()
    const env = {
      PATH: process.env.PATH,
      TOOLGATE_DATABASE_URL: database.url,
      TOOLGATE_DATA_DIR: join(directory, 'data'),
      TOOLGATE_PORT: String(port),
      TOOLGATE_EXAMPLE_PORT: '0',
      TOOLGATE_LOG_LEVEL: 'warn',
    }
    const server = spawn(process.execPath, [main(), 'serve'], { cwd: directory, env })
    let said = ''
    const exited = once(server, 'exit')
    server.stderr.on('data', (chunk) => {
      said += chunk
    })
    try {
      for await (const chunk of server.stdout) {
        said += chunk
        if (said.includes('Sign in as')) break
      }
      expect(said).toContain(`http://localhost:${port}`)
      const ready = await fetch(`http://localhost:${port}/readyz`)
      expect(await ready.json()).toEqual({ status: 'ready' })
      const page = await fetch(`http://localhost:${port}/nothing`, { headers: { accept: 'text/html' } })
      expect(await page.text()).toContain('<!doctype html>')
      const metadata = await fetch(`http://localhost:${port}/.well-known/oauth-authorization-server`)
      expect(await metadata.json()).toMatchObject({ scopes_supported: ['notes:read'] })
    } finally {
      server.kill('SIGTERM')
    }
    expect(await exited).toEqual([0, null])
  })
})
