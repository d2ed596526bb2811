import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './readme.ts'

/** The Python example with the packages that it names, in an environment of its own. */
const run = promisify(execFile)
const SERVER = join(ROOT, 'examples/python-server')
const CAN_RUN = `
import sys, venv, ensurepip
sys.exit(0 if sys.version_info >= (3, 10) else 1)
`

export type PythonEnvironment = { python: string; remove(): Promise<void> }

/** A virtual environment with exactly what requirements.txt says; `remove` clears it away. Or why there can be none here. */
export async function pythonEnvironment(): Promise<PythonEnvironment | { why_not: string }> {
  const can_run = await run('python3', ['-c', CAN_RUN]).then(
    () => true,
    () => false,
  )
  if (!can_run)
    return {
      why_not: 'python3 is missing, is older than 3.10, or has no venv and pip (Debian: python3-venv)',
    }
  const directory = await mkdtemp(join(tmpdir(), 'toolgate-python-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    await run('python3', ['-m', 'venv', directory])
    const python = join(directory, 'bin/python')
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps']
    await run(python, [...pip, '-r', join(SERVER, 'requirements.txt')])
    return { python, remove }
  } catch (error) {
    await remove()
    if (UNREACHABLE.test(String(error))) return { why_not: 'the index of Python packages cannot be reached' }
    throw error
  }
}

const UNREACHABLE = /NewConnectionError|ConnectionError|Temporary failure|timed out|ProxyError|SSLError/

export type PythonServer = { stop(): Promise<void>; output(): string }

/** Starts `server.py`; resolves when it listens. */
export async function startPythonServer(python: string, env: Record<string, string>): Promise<PythonServer> {
  const child: ChildProcess = spawn(python, ['server.py'], {
    cwd: SERVER,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...env },
  })
  let output = ''
  const ended = once(child, 'exit')
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('Uvicorn running on')) resolve()
      })
  })
  const failed = ended.then(() => Promise.reject(new Error(`the Python server ended: ${output}`)))
  failed.catch(() => {})
  await Promise.race([listening, failed])
  return {
    output: () => output,
    async stop() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
