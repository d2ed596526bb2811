import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { ENVIRONMENT, install, lint, pack, run, temporaryDirectory } from '../support/packed.ts'
import { readDocument } from '../support/readme.ts'

/** `toolgate` as npm would publish it, installed by somebody who has nothing else of this project. */
let directory: string
let project: string
let tarball: string
let database: TestDatabase

beforeAll(async () => {
  directory = temporaryDirectory()
  project = join(directory, 'project')
  database = await createTestDatabase({ from: 'nothing' })
  tarball = await pack('.', directory)
  await install(tarball, project, lockOfDependencies())
}, 300_000)
afterAll(async () => {
  await database?.drop()
  rmSync(directory, { recursive: true, force: true })
})

/** The versions of our own lock file, which are in npm's cache, so that nothing has to be looked up in the registry. */
function lockOfDependencies(): object {
  type Locked = { dev?: true; optional?: true; link?: true }
  const lock: { packages: Record<string, Locked> } = JSON.parse(readDocument('package-lock.json'))
  const used = Object.entries(lock.packages).filter(
    ([path, { dev, optional, link }]) => path.startsWith('node_modules/') && !dev && !optional && !link,
  )
  return { lockfileVersion: 3, requires: true, packages: { '': {}, ...Object.fromEntries(used) } }
}

it('is without a mistake for publint and for “Are the types wrong?”', async () => {
  const { publint, attw } = await lint(tarball)
  expect(publint).toContain('All good!')
  expect(attw).toContain('does not contain types')
})

it('carries what it needs, and neither sources nor what only other MCP servers need', () => {
  const carried = readdirSync(join(project, 'node_modules', 'toolgate'), {
    recursive: true,
    encoding: 'utf8',
  })
  const expected = ['LICENSE', 'README.md', 'catalogue.yaml', 'dist/src/cli/main.js', 'views/layout.eta']
  expect(carried).toEqual(expect.arrayContaining(expected))
  expect(carried.filter((name) => /\.ts$|\.map$|guard\/(adapters|local|mcp-sdk|spool)/.test(name))).toEqual(
    [],
  )
})

it('has a command line', async () => {
  const { stdout } = await run('npx', ['toolgate', '--help'], { cwd: project, env: ENVIRONMENT })
  expect(stdout).toContain('Usage: toolgate')
})

it('serves with its own migrations, views and catalogue', async () => {
  const port = await freePort()
  const env = {
    ...ENVIRONMENT,
    TOOLGATE_DATABASE_URL: database.url,
    TOOLGATE_DATA_DIR: join(directory, 'data'),
    TOOLGATE_PORT: String(port),
    TOOLGATE_EXAMPLE_PORT: '0',
    TOOLGATE_LOG_LEVEL: 'warn',
  }
  // In a process group of its own: npx starts a shell, and that the server, whose output is closed last.
  const server = spawn('npx', ['toolgate', 'serve'], { cwd: project, env, detached: true })
  let said = ''
  const ended = once(server, 'close')
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
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM')
  }
  await ended
})
