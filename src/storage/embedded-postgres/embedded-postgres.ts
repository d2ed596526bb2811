import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { AppError } from '../../base/errors.ts'
import { isUnavailable } from '../database.ts'
import { type Cluster, openCluster, ROLE } from './postgres-cluster.ts'
import { findPostmaster, startPostmaster, stopPostmaster } from './postgres-process.ts'

/** A real Postgres of our own, from npm: what development and the tests run on. */
export type EmbeddedPostgres = {
  /** Connects as the owner of the cluster. Holds the password: never log it. */
  url: string
  /** Stops Postgres, unless another process still uses it. Close your own connections first. */
  stop(): Promise<void>
}

const DATABASE = 'postgres'
const START_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 1500
/** Backends of connections just closed, or of a process just killed, take a moment to leave. */
const LEAVE_TIMEOUT_MS = 1000
const POLL_MS = 25
const REVIVE_PAUSE_MS = 1000

/** Session locks: Postgres frees them when the process that holds them dies. */
const SERVER_LOCK = [0x746f6f6c, 2]
const USE_LOCK = [0x746f6f6c, 3]

/**
 * A private Postgres with its files under `data_dir`: starts it, or joins the one that runs already, whoever
 * started it. Several processes may do so at once. Throws AppError `unavailable` when Postgres cannot run here.
 */
export async function startEmbeddedPostgres(options: {
  data_dir: string
  log?: (message: string) => void
}): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {})
  const cluster = await openCluster(options.data_dir, log)
  const joined = await joinCluster(cluster, log)
  const presence = stayJoined(cluster, joined, log)
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= presence.end().then((session) => leaveCluster(cluster, session, log))
    return stopping
  }
  return { url: joined.url, stop }
}

/**
 * Postgres may be killed under us, for want of memory above all. Whoever notices starts it again, where its users look
 * for it. `end` answers the session that there is by then.
 */
function stayJoined(
  cluster: Cluster,
  joined: Joined,
  log: (message: string) => void,
): { end(): Promise<Session> } {
  let { session } = joined
  let is_ending = false
  let reviving = Promise.resolve()
  const watch = () => {
    session.once('end', () => {
      if (!is_ending) reviving = revive()
    })
  }
  const revive = async () => {
    log('the private Postgres is gone; starting it again')
    while (!is_ending) {
      const found = await joinCluster(cluster, log, joined.port).catch((error: Error) => log(error.message))
      if (found) {
        session = found.session
        if (found.port !== joined.port) log('the private Postgres has another port now: start Toolgate again')
        return watch()
      }
      await delay(REVIVE_PAUSE_MS, undefined, { ref: false })
    }
  }
  watch()
  return {
    async end() {
      is_ending = true
      await Promise.race([reviving, delay(LEAVE_TIMEOUT_MS, undefined, { ref: false })])
      return session
    },
  }
}

/** Idle, it must not keep the process alive (`unref`); waiting for an answer, it must (`ref`). */
type Session = pg.Client & { ref(): void; unref(): void }

type Joined = { session: Session; url: string; port: number }

/** `session` stays open until `stop`, holding USE_LOCK: it tells other processes that this one needs Postgres. */
async function joinCluster(
  cluster: Cluster,
  log: (message: string) => void,
  wanted_port?: number,
): Promise<Joined> {
  const deadline_ms = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline_ms) {
    const postmaster = await findPostmaster(cluster)
    if (postmaster === undefined) {
      if (await startPostmaster(cluster, deadline_ms, wanted_port)) log('started the private Postgres')
      else await delay(POLL_MS)
      continue
    }
    const url = `postgres://${ROLE}:${cluster.password}@127.0.0.1:${postmaster.port}/${DATABASE}`
    const session = await connect(url).catch((error) => {
      if (!isUnavailable(error)) throw error
    })
    if (session !== undefined) {
      if (await tryLock(session, 'pg_try_advisory_lock_shared', USE_LOCK)) {
        session.unref()
        return { session, url, port: postmaster.port }
      }
      await session.end()
    }
    await delay(POLL_MS)
  }
  throw new AppError('unavailable', `Postgres in ${cluster.directory} did not become ready in time.`)
}

/** The last one out turns off the light. */
async function leaveCluster(
  cluster: Cluster,
  session: Session,
  log: (message: string) => void,
): Promise<void> {
  session.ref()
  try {
    // With the exclusive lock nobody can join between this count and the end.
    await session.query('SELECT pg_advisory_unlock_shared($1::int, $2::int)', USE_LOCK)
    const last = await tryLock(session, 'pg_try_advisory_lock', USE_LOCK)
    if (!last || (await othersRemain(session))) {
      log('left the private Postgres running: another process uses it')
      return
    }
    await stopPostmaster(cluster)
  } catch (error) {
    if (!isUnavailable(error)) throw error
  } finally {
    await session.end().catch(() => {})
  }
}

async function othersRemain(session: Session): Promise<boolean> {
  const others = `SELECT 1 FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`
  const deadline_ms = Date.now() + LEAVE_TIMEOUT_MS
  while ((await session.query(others)).rowCount !== 0) {
    if (Date.now() > deadline_ms) return true
    await delay(POLL_MS)
  }
  return false
}

/**
 * Makes this process the one server of the database at `url`, until `release` or its death.
 * Throws AppError `conflict` when there is another.
 */
export async function claimServer(url: string): Promise<{ release(): Promise<void> }> {
  let session = await claim(url)
  let is_released = false
  // The claim ends with its session, and is made again when Postgres is back.
  const watch = () => {
    session.once('end', async () => {
      while (!is_released) {
        const again = await claim(url).catch(() => undefined)
        if (again && is_released) return again.end()
        if (again) {
          session = again
          return watch()
        }
        await delay(REVIVE_PAUSE_MS, undefined, { ref: false })
      }
    })
  }
  watch()
  const release = () => {
    is_released = true
    session.ref()
    return session.end()
  }
  return { release }
}

async function claim(url: string): Promise<Session> {
  const session = await connect(url)
  const deadline_ms = Date.now() + LEAVE_TIMEOUT_MS
  while (!(await tryLock(session, 'pg_try_advisory_lock', SERVER_LOCK))) {
    if (Date.now() > deadline_ms) {
      await session.end()
      throw new AppError(
        'conflict',
        'Another Toolgate server already uses this data directory. Stop it, or give this one its own TOOLGATE_DATA_DIR.',
      )
    }
    await delay(POLL_MS)
  }
  session.unref()
  return session
}

/** Loss of the connection shows at its next use. */
async function connect(url: string): Promise<Session> {
  const session = new pg.Client({
    connectionString: url,
    application_name: 'toolgate presence',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: 5000,
    keepAlive: true,
  }) as Session
  session.on('error', () => {})
  try {
    await session.connect()
  } catch (error) {
    await session.end().catch(() => {})
    throw error
  }
  return session
}

async function tryLock(
  session: Session,
  lock: 'pg_try_advisory_lock' | 'pg_try_advisory_lock_shared',
  key: number[],
): Promise<boolean> {
  const { rows } = await session.query(`SELECT ${lock}($1::int, $2::int) AS locked`, key)
  return rows[0]?.locked === true
}
