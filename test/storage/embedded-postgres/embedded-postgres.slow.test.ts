import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  claimServer,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/storage/embedded-postgres/embedded-postgres.ts'
import {
  findBinaries,
  installedDirectory,
  runProgram,
} from '../../../src/storage/embedded-postgres/postgres-binaries.ts'

const HOLDER = new URL('../embedded-postgres-holder.ts', import.meta.url).pathname
const is_root = process.getuid?.() === 0

let parent: string
let data_dir: string
let started: EmbeddedPostgres[]
let holders: ChildProcess[]

beforeEach(async () => {
  // Mode 0700: as root, everything here also shows that Postgres works below a closed directory.
  parent = await mkdtemp(join(tmpdir(), 'toolgate-embedded-'))
  data_dir = join(parent, 'data')
  started = []
  holders = []
})

afterEach(async () => {
  for (const holder of holders) holder.kill('SIGKILL')
  // Joining once more makes this process the last one out, whatever the test left running.
  await start()
  for (const postgres of started) await postgres.stop()
  const cluster = await realpath(join(data_dir, 'postgres'))
  await rm(cluster, { recursive: true })
  await rm(parent, { recursive: true })
})

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ data_dir })
  started.push(postgres)
  return postgres
}

async function startHolder(...args: string[]): Promise<{ url: string; kill(): Promise<void> }> {
  const child = spawn(process.execPath, [HOLDER, data_dir, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  holders.push(child)
  const [url] = await once(createInterface(child.stdout), 'line')
  const kill = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { url, kill }
}

async function query(url: string, statement: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement, values)).rows
  } finally {
    await client.end()
  }
}

async function postmasterPid(): Promise<number> {
  return Number.parseInt(await readFile(join(data_dir, 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

const isRunning = () =>
  postmasterPid().then(
    () => true,
    () => false,
  )

describe('the first start', () => {
  it('serves on loopback only, with a password, and syncs to disk', async () => {
    const { url } = await start()
    const names = [
      'listen_addresses',
      'unix_socket_directories',
      'fsync',
      'server_encoding',
      'password_encryption',
    ]
    const rows = await query(url, 'SELECT name, setting FROM pg_settings WHERE name = ANY($1)', [names])
    expect(
      Object.fromEntries((rows as { name: string; setting: string }[]).map((row) => [row.name, row.setting])),
    ).toEqual({
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'on',
      server_encoding: 'UTF8',
      password_encryption: 'scram-sha-256',
    })
    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  })

  it('closes the directory, the password and the log to everybody else', async () => {
    await start()
    const modes = ['.', 'postgres-password', 'postgres.log'].map(async (name) => {
      return ((await stat(join(data_dir, name))).mode & 0o777).toString(8)
    })
    expect(await Promise.all(modes)).toEqual(['700', '600', '600'])
    expect((await readdir(data_dir)).toSorted()).toEqual(['postgres', 'postgres-password', 'postgres.log'])
  })

  it('makes one cluster when several processes start at once', async () => {
    const urls = await Promise.all([startHolder(), startHolder(), startHolder()])
    expect(new Set(urls.map((holder) => holder.url)).size).toBe(1)
  })

  it.runIf(is_root)(
    'as root, runs Postgres as another user, with its files where that user can reach',
    async () => {
      await start()
      expect((await lstat(join(data_dir, 'postgres'))).isSymbolicLink()).toBe(true)
      expect(await readlink(join(data_dir, 'postgres'))).toMatch(
        /^\/var\/lib\/toolgate\/clusters\/[0-9a-f]{16}-[0-9a-f]{8}$/,
      )
      expect((await stat(`/proc/${await postmasterPid()}`)).uid).not.toBe(0)
    },
  )

  it.runIf(is_root)('as root below an open directory, keeps the files in the data directory', async () => {
    const open = await mkdtemp(join(tmpdir(), 'toolgate-embedded-'))
    const postgres = await startEmbeddedPostgres({ data_dir: open })
    expect((await lstat(join(open, 'postgres'))).isDirectory()).toBe(true)
    await postgres.stop()
    await rm(open, { recursive: true })
  })

  it('hands no environment variable on', async () => {
    process.env.TOOLGATE_TEST_SECRET = 'sesame'
    await start()
    delete process.env.TOOLGATE_TEST_SECRET
    const environment = await readFile(`/proc/${await postmasterPid()}/environ`, 'utf8').catch(() => '')
    expect(environment).not.toContain('sesame')
  })
})

describe('the log', () => {
  it('holds no value of a statement that failed', async () => {
    const { url } = await start()
    await query(url, 'CREATE TABLE secrets (value text UNIQUE)')
    await query(url, 'INSERT INTO secrets VALUES ($1)', ['sesame'])
    await expect(query(url, 'INSERT INTO secrets VALUES ($1)', ['sesame'])).rejects.toThrow()
    await expect(query(url, 'SELECT $1::int', ['sesame'])).rejects.toThrow()
    await expect(query(url, "SELECT 'sesame' FROM nowhere")).rejects.toThrow()
    const log = await readFile(join(data_dir, 'postgres.log'), 'utf8')
    expect(log).toContain('ready to accept connections')
    expect(log).not.toContain('sesame')
  })
})

describe('a later start', () => {
  it('joins the Postgres that runs; the last to stop ends it', async () => {
    const first = await start()
    const second = await start()
    expect(second.url).toBe(first.url)
    await first.stop()
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    await second.stop()
    expect(await isRunning()).toBe(false)
  })

  it('finds the rows of the time before', async () => {
    const first = await start()
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value')
    await first.stop()
    expect(await query((await start()).url, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
  })

  it('recovers every committed row after kill -9 of Postgres', async () => {
    const { url } = await start()
    await query(url, 'CREATE TABLE kept (value int)')
    for (let value = 0; value < 50; value++) await query(url, 'INSERT INTO kept VALUES ($1)', [value])
    process.kill(await postmasterPid(), 'SIGKILL')
    const again = await start()
    expect(await query(again.url, 'SELECT count(*)::int AS count FROM kept')).toEqual([{ count: 50 }])
  })

  it('joins the Postgres whose starter was killed with -9', async () => {
    const holder = await startHolder()
    await query(holder.url, 'CREATE TABLE kept AS SELECT 42 AS value')
    await holder.kill()
    const { url } = await start()
    expect(url).toBe(holder.url)
    expect(await query(url, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
  })

  it('recovers after kill -9 of both', async () => {
    const holder = await startHolder()
    await query(holder.url, 'CREATE TABLE kept AS SELECT 42 AS value')
    process.kill(await postmasterPid(), 'SIGKILL')
    await holder.kill()
    expect(await query((await start()).url, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
  })

  it('is not misled by a process id that now belongs to another program', async () => {
    const { url, stop } = await start()
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS value')
    const file = join(await realpath(join(data_dir, 'postgres')), 'postmaster.pid')
    const left = (await readFile(file, 'utf8')).replace(/^\d+/, String(process.pid))
    await stop()
    await writeFile(file, left)
    expect(await query((await start()).url, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
  })
})

async function answers(url: string): Promise<void> {
  for (;;) {
    const rows = await query(url, 'SELECT 1').catch(() => undefined)
    if (rows) return
  }
}

describe('a Postgres that is killed under its users', () => {
  it('comes back by itself, at the same place, each time, and stops with the last of them', async () => {
    const { url, stop } = await start()
    for (let time = 0; time < 3; time++) {
      const pid = await postmasterPid()
      process.kill(pid, 'SIGKILL')
      await answers(url)
      expect(await postmasterPid()).not.toBe(pid)
    }
    await stop()
    expect(await isRunning()).toBe(false)
  })

  it('still belongs to the one server', async () => {
    const { url } = await start()
    const claim = await claimServer(url)
    process.kill(await postmasterPid(), 'SIGKILL')
    await answers(url)
    const held = async () =>
      (await query(url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 2")).length
    while ((await held()) === 0);
    await expect(claimServer(url)).rejects.toMatchObject({ code: 'conflict' })
    await claim.release()
    await (await claimServer(url)).release()
  })
})

describe('stop', () => {
  it('leaves Postgres running while another client is connected', async () => {
    const { url, stop } = await start()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await stop()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  it('does no harm when Postgres is gone already, or when called again', async () => {
    const { stop } = await start()
    process.kill(await postmasterPid(), 'SIGKILL')
    await stop()
    await stop()
  })
})

describe('claimServer', () => {
  it('refuses a second server on one data directory, until the first is gone', async () => {
    const { url } = await start()
    const claim = await claimServer(url)
    await expect(claimServer(url)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Another Toolgate server already uses this data directory'),
    })
    await claim.release()
    await (await claimServer(url)).release()
  })

  it('is freed by the death of the server', async () => {
    const holder = await startHolder('claim')
    await expect(claimServer(holder.url)).rejects.toMatchObject({ code: 'conflict' })
    await holder.kill()
    await (await claimServer(holder.url)).release()
  })
})

describe('findBinaries', () => {
  const nobody = is_root ? { uid: 65534, gid: 65534 } : undefined

  it('makes the symbolic links that an install script did not', async () => {
    const package_directory = join(data_dir, 'package')
    const filter = async (path: string) => !(await lstat(path)).isSymbolicLink()
    await cp(dirname(installedDirectory()), package_directory, { recursive: true, filter })
    const bin = await findBinaries(data_dir, undefined, join(package_directory, 'native'))
    expect(bin).toBe(join(package_directory, 'native', 'bin'))
    await runProgram(join(bin, 'initdb'), ['--version'], undefined)
  })

  it.runIf(is_root)('copies them to where the user that runs Postgres can reach', async () => {
    const package_directory = join(data_dir, 'package')
    await cp(dirname(installedDirectory()), package_directory, { recursive: true, verbatimSymlinks: true })
    await writeFile(
      join(package_directory, 'package.json'),
      JSON.stringify({ version: `test-${process.pid}` }),
    )
    const bin = await findBinaries(data_dir, nobody, join(package_directory, 'native'))
    expect(bin).toBe(`/var/lib/toolgate/postgres-test-${process.pid}/bin`)
    await runProgram(join(bin, 'postgres'), ['--version'], nobody)
    await rm(dirname(bin), { recursive: true })
  })

  it('says what to set where no binary runs', async () => {
    const package_directory = join(data_dir, 'package')
    await cp(dirname(installedDirectory()), package_directory, {
      recursive: true,
      filter: (path) => !path.includes('/native/lib/libicu'),
    })
    await expect(findBinaries(data_dir, undefined, join(package_directory, 'native'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('TOOLGATE_DATABASE_URL'),
    })
  })
})
