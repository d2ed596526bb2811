import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOf } from '../../../src/base/process.ts'
import { lockFile } from '../../../src/guard/local/file-lock.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'toolgate-lock-'))
  path = join(directory, 'file')
})
afterEach(() => rmSync(directory, { recursive: true }))

const lock = (other_machines: 'count' | 'are over' = 'count') => lockFile(path, { other_machines })

/** Lays down the claim of another process; says whether it is still there. */
function claim(pid: number, started: string, host = hostname()) {
  const file = `${path}.lock.${pid}.${started}.${host}`
  writeFileSync(file, '')
  return () => existsSync(file)
}

/** Of a process that has ended. */
const deadPid = () => spawnSync('true').pid

describe('a file lock', () => {
  it('is held by one at a time, and leaves nothing behind', () => {
    const unlock = lock()
    expect(() => lock()).toThrow(`${path} is open in this process already`)
    expect(readdirSync(directory)).toHaveLength(1)
    unlock()
    expect(readdirSync(directory)).toEqual([])
    lock()()
  })

  it('is held against another thread of this process', async () => {
    const unlock = lock()
    const source = new URL('../../../src/guard/local/file-lock.ts', import.meta.url).href
    const options = JSON.stringify({ other_machines: 'count' })
    const code = `import(${JSON.stringify(source)}).then(({ lockFile }) => lockFile(${JSON.stringify(path)}, ${options}))`
    const [error] = await once(new Worker(code, { eval: true, execArgv: [] }), 'error')
    expect(error).toMatchObject({ message: expect.stringContaining('open in this process already') })
    expect(() => lock()).toThrow('already')
    unlock()
  })

  it('is held by a process that lives, which is named; who is refused leaves nothing behind', () => {
    const isThere = claim(process.ppid, startOf(process.ppid) ?? '0')
    expect(() => lock()).toThrow(`${path} belongs to process ${process.ppid}`)
    expect([isThere(), readdirSync(directory).length]).toEqual([true, 1])
  })

  it('where a system does not tell when a process began, one with that number holds it', () => {
    claim(process.ppid, '0')
    expect(() => lock()).toThrow(`belongs to process ${process.ppid}`)
  })

  it.each([
    ['a process that is gone', () => claim(deadPid(), '0')],
    ['a process whose number another one has now', () => claim(process.ppid, '0badb007x1')],
    ['the process that had the number of this one before', () => claim(process.pid, '0badb007x1')],
    ['an earlier process of that number, where its start is not told', () => claim(process.pid, '0')],
  ])('goes over from %s', (_, lay) => {
    const isThere = lay()
    const unlock = lock()
    expect(isThere()).toBe(false)
    unlock()
  })

  it('of another machine counts where it is asked to, and is never removed then', () => {
    const isThere = claim(1, '0', 'elsewhere')
    expect(() => lock()).toThrow(/process 1 of the machine elsewhere.* remove .*elsewhere/)
    expect(isThere()).toBe(true)
    lock('are over')()
    expect(isThere()).toBe(false)
  })

  it('is not taken for that of a file whose name begins alike', () => {
    writeFileSync(`${path}.lock`, '')
    writeFileSync(`${path}.lock.x`, '')
    writeFileSync(`${path}2.lock.${process.ppid}.0.${hostname()}`, '')
    lock()()
    expect(readdirSync(directory)).toHaveLength(3)
  })

  it('is refused where no file can be', () => {
    expect(() => lockFile(join(directory, 'missing', 'file'), { other_machines: 'count' })).toThrow('ENOENT')
  })
})
