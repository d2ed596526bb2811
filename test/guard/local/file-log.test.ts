import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkLocalLog } from '../../../src/audit/integrity/import/local-log.ts'
import type { EventWords } from '../../../src/audit-chain/event-fields.ts'
import { contentDigest, linkHash } from '../../../src/audit-chain/hash-chain.ts'
import { readRowLine } from '../../../src/audit-chain/row-line.ts'
import { type CallLog, fileLog } from '../../../src/guard/local/index.ts'

const APPENDER = new URL('../../support/append-until-killed.ts', import.meta.url).pathname

let directory: string
let path: string
let open: CallLog[]
let children: ChildProcess[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'toolgate-calls-'))
  path = join(directory, 'calls.jsonl')
  open = []
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const log of open) await log.close()
  rmSync(directory, { recursive: true, force: true })
})

function newLog(options?: Parameters<typeof fileLog>[1]): CallLog {
  const log = fileLog(path, options)
  open.push(log)
  return log
}

const called = (tool: string): EventWords => ({
  type: 'tool.decided',
  actor: { kind: 'local_user' },
  tool,
  decision: 'allowed',
})
const lines = () => readFileSync(path, 'utf8').split('\n').slice(0, -1)
const rows = () => lines().map((line) => readRowLine(line)!)
const tools = () => rows().flatMap(({ tool }) => tool ?? [])
const faults = async () => (await checkLocalLog(path)).verification.faults

/** Another process that records calls; `said` gives its lines. */
function appender(...words: string[]) {
  const child = spawn(process.execPath, [APPENDER, path, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, ended: once(child, 'exit'), said: async () => (await said.next()).value as string }
}

describe('what is recorded', () => {
  it('is a chain of rows with the hashes of the audit log, from writer.started to writer.stopped', async () => {
    const log = newLog({ name: 'notes' })
    await log.append([called('search_notes'), called('get_note')])
    await log.append([called('create_note')])
    await log.close()
    expect(rows().map(({ type, seq }) => [type, seq])).toEqual([
      ['writer.started', 1],
      ['tool.decided', 2],
      ['tool.decided', 3],
      ['tool.decided', 4],
      ['writer.stopped', 5],
    ])
    expect(rows()[0]?.detail).toEqual({ process: `notes ${process.pid}@${hostname()}` })
    for (const row of rows()) expect(row.hash).toEqual(linkHash(contentDigest(row), row.prev_hash))
    expect(await faults()).toEqual([])
  })

  it('can be read by its owner only', async () => {
    writeFileSync(path, '', { mode: 0o644 })
    await newLog().append([called('a')])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('stands in the file, in the order in which it was given, when append resolves', async () => {
    const log = newLog()
    const names = Array.from({ length: 200 }, (_, index) => `tool_${index}`)
    await Promise.all(
      names.map(async (name) => {
        await log.append([called(name)])
        expect(tools()).toContain(name)
      }),
    )
    expect(tools()).toEqual(names)
    expect(await faults()).toEqual([])
  })

  it('verifies whatever the words hold', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string())
    const words = fc.record({
      type: fc.constant('tool.decided'),
      actor: fc.constant({ kind: 'local_user' } as const),
      tool: text,
      resource: text,
      detail: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text))),
    })
    const log = newLog()
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1 }), (events) => log.append(events)),
      { numRuns: 50 },
    )
    expect(await faults()).toEqual([])
  })

  it('is nothing when nothing happened', async () => {
    const log = newLog()
    log.open?.()
    await log.close()
    expect(readFileSync(path, 'utf8')).toBe('')
    expect(readdirSync(directory)).toEqual(['calls.jsonl'])
  })
})

describe('after a restart', () => {
  it('a new writer goes on behind the last row, which it names', async () => {
    const first = newLog()
    await first.append([called('a')])
    await first.close()
    const last = rows().at(-1)!
    await newLog().append([called('b')])
    expect(rows()[3]?.detail).toMatchObject({
      predecessor_writer_id: last.writer_id,
      predecessor_seq: 3,
      predecessor_hash: last.hash.toString('hex'),
    })
    expect(tools()).toEqual(['a', 'b'])
    expect(await faults()).toEqual([])
  })

  it('what a killed process had promised is there, and its lock is taken over', async () => {
    const { child, ended, said } = appender()
    for (let index = 0; index < 20; index++) await said()
    child.kill('SIGKILL')
    await ended
    expect(tools().length).toBeGreaterThanOrEqual(20)
    const before = tools().length
    await newLog().append([called('b')])
    expect(tools().slice(before)).toEqual(['b'])
    expect(await faults()).toEqual([])
    expect(readdirSync(directory).filter((name) => name.includes('.lock.'))).toHaveLength(1)
  })

  it.each([
    ['half a line', '{"occurred_at":"2026-07-28T09:30:00.125Z","writer_id":"5b1f'],
    ['bytes that were never written', '\0'.repeat(5_000)],
  ])('%s at the end is kept aside and recorded', async (_, torn) => {
    const first = newLog()
    await first.append([called('a')])
    await first.close()
    appendFileSync(path, torn)
    expect(await faults()).toMatchObject([{ line: 4, kind: 'torn' }])
    await newLog().append([called('b')])
    const { torn_bytes, torn_file, torn_sha256 } = rows()[3]?.detail ?? {}
    expect(torn_bytes).toBe(torn.length)
    expect(torn_sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(readFileSync(join(directory, String(torn_file)), 'utf8')).toBe(torn)
    expect(statSync(join(directory, String(torn_file))).mode & 0o777).toBe(0o600)
    expect(tools()).toEqual(['a', 'b'])
    expect(await faults()).toEqual([])
  })

  it('a first line that never became whole is kept aside too', async () => {
    writeFileSync(path, '{"occurred')
    await newLog().append([called('a')])
    expect(rows()[0]?.detail).toMatchObject({ torn_bytes: 10 })
    expect(await faults()).toEqual([])
  })

  it('nothing is written behind a row that was changed, or into a file that is something else', async () => {
    const log = newLog()
    await log.append([called('a')])
    await log.close()
    const kept = readFileSync(path, 'utf8')
    const edited = kept.replace(/"writer.stopped"(.*)\n$/, '"writer.started"$1\n')
    for (const content of [edited, '{"name":"toolgate"}\n', 'a secret', `${kept}\n`]) {
      writeFileSync(path, content)
      expect(() => newLog().open?.(), content.slice(-40)).toThrow(/move (it|the file) away/)
      expect(readFileSync(path, 'utf8')).toBe(content)
    }
    expect(readdirSync(directory)).toEqual(['calls.jsonl'])
  })
})

describe('one writer at a time', () => {
  it('a second process refuses to start and says who writes', async () => {
    const { child, said } = appender()
    await said()
    expect(() => newLog().open?.()).toThrow(`${path} belongs to process ${child.pid}`)
    await expect(newLog().append([called('a')])).rejects.toThrow('one writer at a time')
  })

  it('so does the same process', async () => {
    newLog().open?.()
    expect(() => newLog().open?.()).toThrow('already')
  })

  it('another machine is not taken for dead', () => {
    writeFileSync(`${path}.lock.1.0.elsewhere`, '')
    expect(() => newLog().open?.()).toThrow('process 1 of the machine elsewhere')
  })
})

describe('where nothing can be recorded', () => {
  it('append rejects after somebody else wrote to the file, and adds nothing', async () => {
    const log = newLog()
    await log.append([called('a')])
    appendFileSync(path, 'x')
    await expect(log.append([called('b')])).rejects.toThrow('something else wrote to it')
    expect(readFileSync(path, 'utf8')).toMatch(/\}\nx$/)
    truncateSync(path, statSync(path).size - 1)
    await log.append([called('c')])
    expect(tools()).toEqual(['a', 'c'])
  })

  it('append rejects after the file was deleted', async () => {
    const log = newLog()
    await log.append([called('a')])
    rmSync(path)
    await expect(log.append([called('b')])).rejects.toThrow('deleted')
  })

  it('a log that was moved away goes on where it is', async () => {
    const log = newLog()
    await log.append([called('a')])
    renameSync(path, `${path}.old`)
    await log.append([called('b')])
    expect(existsSync(path)).toBe(false)
  })

  it('append rejects when too many events wait, and when it is closed', async () => {
    const log = newLog({ max_queue: 2 })
    const kept = log.append([called('a'), called('b')])
    await expect(log.append([called('c')])).rejects.toThrow('Too many')
    await kept
    await log.close()
    await expect(log.append([called('d')])).rejects.toThrow('closed')
    expect(tools()).toEqual(['a', 'b'])
  })

  it('a directory is refused, and a place that is not there', () => {
    path = directory
    expect(() => newLog().open?.()).toThrow()
    path = join(directory, 'nowhere', 'calls.jsonl')
    expect(() => newLog().open?.()).toThrow('ENOENT')
  })

  it('a full disk loses nothing that was promised and leaves no half line', async () => {
    const limited = spawn('bash', ['-c', `ulimit -f 8; exec "$0" "$@"`, process.execPath, APPENDER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(limited)
    const said: string[] = []
    for await (const line of createInterface({ input: limited.stdout })) said.push(line)
    expect(said.at(-1)).toMatch(/^failed: The call log .* cannot be written: EFBIG/)
    expect(tools()).toHaveLength(said.length - 1)
    expect(await faults()).toEqual([])
  })
})
