import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { ROOT } from '../support/readme.ts'

/** A program that a package brings, run as people run it: by its command, on this Node. */
export function commandOf(package_name: string, command: string): string {
  const root = join(ROOT, 'node_modules', package_name)
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return join(root, typeof bin === 'string' ? bin : bin[command])
}

/** What a program may see of the environment; a browser that it wants to open is not there. */
export function environment(more: Record<string, string> = {}): Record<string, string> {
  return { PATH: [dirname(process.execPath), '/nowhere'].join(delimiter), NO_COLOR: '1', CI: '1', ...more }
}

export class Program {
  /** Everything it has printed so far, on both streams. */
  output = ''
  /** Of that, what it printed on its standard output. */
  stdout = ''
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<number | null>
  #waiting: (() => void)[] = []
  #closed = false

  constructor(script: string, args: readonly string[], env: Record<string, string> = environment()) {
    this.#child = spawn(process.execPath, [script, ...args], { env })
    this.#child.stdin.end()
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#print(text))
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.#closed = true
      this.#print('')
      return code
    })
  }

  #print(text: string): void {
    this.output += text
    const waiting = this.#waiting
    this.#waiting = []
    for (const look of waiting) look()
  }

  /** The first group of `pattern` in what it prints, as soon as it is there. Throws when the program ends without. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.output)
      if (found) return found[1] ?? found[0]
      if (this.#closed) throw new Error(`the program ended without ${pattern}: ${this.output}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Its exit code, once it has ended. */
  exit(): Promise<number | null> {
    return this.#ended
  }

  /** Ends it if it still runs. */
  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#ended
  }
}
