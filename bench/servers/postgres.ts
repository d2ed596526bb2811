import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres/embedded-postgres.ts'
import { familyProcessorMs } from './processor-time.ts'

/** A Postgres of the benchmark's own, in a temporary directory, with its usual durable settings. */
export type BenchPostgres = {
  createDatabase(name: string): Promise<string>
  /** Fresh statistics, as a database that has been running for a while has them. */
  analyze(url: string): Promise<void>
  /** Processor time until now of the postmaster and all it started; undefined where there is no /proc. */
  processorMs(): number | undefined
  /** The process id of the postmaster, which is another after it was killed. */
  currentPid(): Promise<number>
  stop(): Promise<void>
}

export async function startBenchPostgres(): Promise<BenchPostgres> {
  const directory = await createTemporaryDirectory()
  const { url, stop } = await startEmbeddedPostgres({ data_dir: directory.path })
  const currentPid = async () =>
    Number.parseInt(await readFile(join(directory.path, 'postgres/postmaster.pid'), 'utf8'), 10)
  const pid = await currentPid()
  return {
    async createDatabase(name) {
      await execute(url, `create database ${name}`)
      const created = new URL(url)
      created.pathname = name
      return created.href
    },
    analyze: (target) => execute(target, 'vacuum analyze'),
    processorMs: () => familyProcessorMs(pid),
    currentPid,
    async stop() {
      await stop()
      await directory.remove()
    },
  }
}

/** A data directory and its removal, which also finds a cluster that had to be put elsewhere. */
export async function createTemporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'toolgate-bench-'))
  return {
    path,
    async remove() {
      const cluster = await realpath(join(path, 'postgres')).catch(() => undefined)
      if (cluster) await rm(cluster, { recursive: true, force: true })
      await rm(path, { recursive: true, force: true })
    },
  }
}

/** Lends a connection of its own, without limits on time. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'toolgate-bench' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export async function execute(url: string, statement: string): Promise<void> {
  await withClient(url, (client) => client.query(statement))
}
