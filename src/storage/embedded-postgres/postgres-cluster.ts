import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { isRunning } from '../../base/process.ts'
import { findBinaries, runProgram, SHARED_DIRECTORY, type SystemUser } from './postgres-binaries.ts'

/** A cluster on disk, ready to be started. */
export type Cluster = {
  /** Where its files are. */
  directory: string
  bin_directory: string
  log_file: string
  password: string
  /** Who it runs as; undefined: as we do. */
  user: SystemUser | undefined
}

/** The only role; it owns the cluster. */
export const ROLE = 'toolgate'

/**
 * The cluster of `data_dir`, created when there is none. Safe to call from several processes at once.
 * Throws AppError `unavailable` when no Postgres can run here.
 */
export async function openCluster(data_dir: string, log: (message: string) => void): Promise<Cluster> {
  await mkdir(data_dir, { recursive: true, mode: 0o700 })
  const home = await realpath(data_dir)
  const place = join(home, 'postgres')
  const log_file = join(home, 'postgres.log')
  const user = await systemUser(place)
  await setMode(home, place, user, log)
  const bin_directory = await findBinaries(home, user)
  const password = await readPassword(join(home, 'postgres-password'))
  const directory = await readlink(place).catch(() => place)
  const cluster = { directory, bin_directory, log_file, password, user }
  if (await exists(join(directory, 'PG_VERSION'))) return cluster
  if (directory !== place && (await exists(log_file))) {
    throw new AppError(
      'unavailable',
      `The database of ${home} is gone from ${directory}: restore that directory, or delete ${home} to begin anew.`,
    )
  }
  await initialise(cluster)
  return cluster
}

/** Postgres refuses to run as root: then the owner of the cluster runs it, or `nobody`. */
async function systemUser(place: string): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(place).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, uid, gid] = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(passwd) ?? []
  if (uid === undefined || gid === undefined) {
    throw new AppError(
      'unavailable',
      'Postgres refuses to run as root, and there is no user nobody to run it: start Toolgate as another user, or set TOOLGATE_DATABASE_URL.',
    )
  }
  return { uid: Number(uid), gid: Number(gid) }
}

/**
 * The data directory is ours alone; another `user` may pass through it. Where it lies below a directory closed to
 * that user, the cluster moves out.
 */
async function setMode(
  home: string,
  place: string,
  user: SystemUser | undefined,
  log: (message: string) => void,
): Promise<void> {
  const { uid } = await stat(home)
  const reachable = user === undefined || (await canTraverse(dirname(home), user))
  const mode = user === undefined || user.uid === uid || !reachable ? 0o700 : 0o711
  // A mounted volume may belong to somebody else, who then decides.
  await chmod(home, mode).catch(ignore('EPERM'))
  if (!reachable) await moveOut(home, place, log)
}

async function moveOut(home: string, place: string, log: (message: string) => void): Promise<void> {
  if (await exists(place)) return
  const clusters = join(SHARED_DIRECTORY, 'clusters')
  await mkdir(clusters, { recursive: true, mode: 0o755 })
  const prefix = sha256(home).toString('hex').slice(0, 16)
  // Creating the link decides which of two concurrent starts names the place.
  await symlink(join(clusters, `${prefix}-${randomBytes(4).toString('hex')}`), place).catch(ignore('EEXIST'))
  const chosen = basename(await readlink(place))
  const left = (await readdir(clusters)).filter((name) => name.startsWith(prefix) && !name.startsWith(chosen))
  for (const name of left)
    log(`${join(clusters, name)} belonged to an earlier ${home}; delete it if not needed`)
}

async function canTraverse(directory: string, user: SystemUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(directory)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(directory) === directory || canTraverse(dirname(directory), user)
}

/** Written aside and linked into place: of two concurrent starts both read the same, whole password. */
async function readPassword(file: string): Promise<string> {
  if (!(await exists(file))) {
    const draft = `${file}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file).catch(ignore('EEXIST'))
    await rm(draft)
  }
  return (await readFile(file, 'utf8')).trim()
}

/** initdb beside the final place, then one rename: a cluster is there whole or not at all. */
async function initialise(cluster: Cluster): Promise<void> {
  const { directory, user } = cluster
  await removeAbandoned(directory)
  const draft = `${directory}.init-${process.pid}-${randomBytes(4).toString('hex')}`
  const password_file = `${draft}.password`
  try {
    await mkdir(draft, { mode: 0o700 })
    await writeFile(password_file, cluster.password, { mode: 0o600, flag: 'wx' })
    if (user !== undefined) {
      await chown(draft, user.uid, user.gid)
      await chown(password_file, user.uid, user.gid)
    }
    const args = ['-D', draft, '-U', ROLE, '-A', 'scram-sha-256', `--pwfile=${password_file}`]
    const initdb = join(cluster.bin_directory, 'initdb')
    await runProgram(initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-instructions'], user)
    await rename(draft, directory).catch(async (error) => {
      if (!(await exists(join(directory, 'PG_VERSION')))) throw error
    })
  } catch (cause) {
    throw new AppError('unavailable', `Postgres could not create its files in ${directory}.`, { cause })
  } finally {
    await rm(draft, { recursive: true, force: true })
    await rm(password_file, { force: true })
  }
}

/** What a start that was killed half-way left beside the cluster. */
async function removeAbandoned(directory: string): Promise<void> {
  const parent = dirname(directory)
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(`${basename(directory)}.init-`) && /\.init-(\d+)-/.exec(name)?.[1]
    if (pid && !isRunning(Number(pid))) await rm(join(parent, name), { recursive: true, force: true })
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function ignore(code: string): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== code) throw error
  }
}
