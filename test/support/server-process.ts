import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { postTo } from './second-instance.ts'
import { send } from './send.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export type ServerProcessOptions = {
  database_url: string
  /** The issuer of the installation that this process joins; its own address when absent. */
  issuer?: string
  env?: Record<string, string>
}

/** `toolgate serve` in a process of its own, as an operator runs it. */
export class ServerProcess {
  readonly issuer: string
  readonly port: number
  /** Everything it printed, on both streams. */
  output = ''
  readonly #child: ChildProcess
  readonly #data_dir: string
  readonly #ended: Promise<unknown>

  private constructor(parts: { issuer: string; port: number; child: ChildProcess; data_dir: string }) {
    this.issuer = parts.issuer
    this.port = parts.port
    this.#child = parts.child
    this.#data_dir = parts.data_dir
    this.#ended = once(parts.child, 'exit')
    for (const stream of [parts.child.stdout, parts.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
  }

  /** Resolves when it answers requests. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const port = await freePort()
    const data_dir = await mkdtemp(join(tmpdir(), 'toolgate-process-'))
    const issuer = options.issuer ?? `http://localhost:${port}`
    const child = spawn(process.execPath, [MAIN, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        TOOLGATE_ISSUER: issuer,
        TOOLGATE_PORT: String(port),
        TOOLGATE_DATABASE_URL: options.database_url,
        TOOLGATE_DATA_DIR: data_dir,
        TOOLGATE_EXAMPLE_SERVER: 'off',
        ...options.env,
      },
    })
    const server = new ServerProcess({ issuer, port, child, data_dir })
    await server.#ready()
    return server
  }

  async #ready(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`the server ended: ${this.output}`)
      const answer = await send(`http://127.0.0.1:${this.port}/healthz`).catch(() => undefined)
      if (answer?.status === 200) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  refresh(client_id: string, refresh_token: string): Promise<Response> {
    const form = { grant_type: 'refresh_token', client_id, refresh_token }
    return postTo(this.port, this.issuer, '/token', form)
  }

  /** kill -9: nothing of it runs any more. */
  killNow(): void {
    this.#child.kill('SIGKILL')
  }

  /** Ends it, by signal if it still runs, and clears away what it left. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    await this.#ended
    await rm(this.#data_dir, { recursive: true, force: true })
  }
}
