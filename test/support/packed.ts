import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './readme.ts'

/** What npm would publish: packed in a clone in which nothing was built, and installed where nothing else is. */
export const run = promisify(execFile)

/** npm and what it starts run on the Node of this project, which the machine's own may not be. */
export const ENVIRONMENT = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'toolgate-package-'))
}

/** Packs the package in `folder` of a clone made in `directory`, after `npm ci` and nothing else. Returns the tarball. */
export async function pack(folder: string, directory: string): Promise<string> {
  const clone = join(directory, 'clone')
  if (!existsSync(clone)) await cloneInto(clone)
  const destination = join(directory, 'packed', folder)
  mkdirSync(destination, { recursive: true })
  await run('npm', ['pack', '--pack-destination', destination, folder], { cwd: clone, env: ENVIRONMENT })
  const tarball = readdirSync(destination).find((name) => name.endsWith('.tgz')) ?? ''
  return join(destination, tarball)
}

/** Of this work tree, with what is not committed yet, and without what git ignores. */
async function cloneInto(clone: string): Promise<void> {
  const tracked = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const { stdout } = await run('git', tracked, { cwd: ROOT, maxBuffer: 2 ** 24 })
  for (const name of stdout.split('\0'))
    if (name && existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(clone, name))
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'))
}

/** Installs a tarball in an empty project. `lock` names what npm would otherwise look up in the registry. */
export async function install(tarball: string, project: string, lock?: object): Promise<void> {
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  if (lock) writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock))
  const options = ['--prefer-offline', '--omit=optional', '--no-audit', '--no-fund']
  await run('npm', ['install', ...options, tarball], { cwd: project, env: ENVIRONMENT })
}

/** A project with the packed guard; the frameworks and SDKs of our own development dependencies are found above it. */
export async function projectWithFrameworks(directory: string): Promise<string> {
  const project = join(directory, 'with-frameworks', 'project')
  await install(await pack('./packages/guard', directory), project)
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'with-frameworks', 'node_modules'))
  return project
}

/** What the two tools say that look for mistakes in packages. They end non-zero when they find one. */
export async function lint(tarball: string): Promise<{ publint: string; attw: string }> {
  const bin = join(ROOT, 'node_modules', '.bin')
  const publint = await run(join(bin, 'publint'), ['--strict', tarball], { env: ENVIRONMENT })
  // ES modules only: every Node that the packages name has require() of them.
  const options = ['--profile', 'esm-only', '--no-definitely-typed', '--no-emoji', '--format', 'ascii']
  const attw = await run(join(bin, 'attw'), [...options, tarball], { env: ENVIRONMENT })
  return { publint: publint.stdout, attw: attw.stdout }
}
