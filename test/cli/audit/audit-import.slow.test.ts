import { appendFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { calledLocally, fileOf, localRows } from '../../audit/integrity/import/local-files.ts'
import { type CommandLine, commandLine } from '../commands.ts'

let line: CommandLine
let said: string
beforeAll(async () => {
  line = await commandLine()
})
afterEach(() => vi.restoreAllMocks())
afterAll(() => line.close())

const AT = new Date(Date.now() - 60_000)
const newFile = () => fileOf(localRows([{ at: AT, calls: [calledLocally('a'), calledLocally('b')] }]))

/** What it prints, also for the eyes of people only. */
async function run(...words: string[]): Promise<string> {
  said = ''
  const hear = (text: unknown) => {
    said += String(text)
    return true
  }
  vi.spyOn(process.stderr, 'write').mockImplementation(hear)
  const { lines, errors } = await line.attempt('audit', ...words)
  said += errors.join('\n')
  return lines.join('\n')
}

describe('audit verify <file>', () => {
  it('says that the file is whole, where it ends, and what that does not show; without a database', async () => {
    const path = newFile()
    const opened = line.left_open()
    const text = await run('verify', path, '--progress')
    expect(text).toMatch(
      / is whole: 4 rows of 1 writers\. It ends with row 4 of writer \S+, hash [0-9a-f]{64}\.\n/,
    )
    expect(text).toContain('cut off')
    expect(said).toBe('\r4 rows, 100 % \n')
    expect([line.ended(), line.left_open()]).toEqual([0, opened])
  })

  it('names the first bad line and ends with 1', async () => {
    const path = newFile()
    appendFileSync(path, 'not a row\n')
    expect(await run('verify', path)).toContain(
      'is NOT whole: 1 faults in 4 rows of 1 writers.\nFirst bad line: 5.',
    )
    expect(line.ended()).toBe(1)
    expect(JSON.parse(await run('verify', path, '--json'))).toMatchObject({
      file: path,
      fault_count: 1,
      faults: [{ line: 5, kind: 'no_row' }],
    })
  })

  it('ends with 2 when there is nothing to check, and refuses options of other logs', async () => {
    await run('verify', '/nowhere/calls.jsonl')
    expect(said).toContain('was not checked: There is no file /nowhere/calls.jsonl')
    expect(line.ended()).toBe(2)
    await run('verify', newFile(), '--from', '2026-01-01')
    expect(said).toContain('--from is about the audit log in a database')
    expect(line.ended()).toBe(2)
  })
})

describe('audit import <file>', () => {
  it('says what it added, and a second time that nothing is new', async () => {
    const path = newFile()
    expect(await run('import', path, '--progress')).toMatch(
      /^Imported 4 rows of 1 writers\.\n {2}writer \S+ rows 1 to 4$/,
    )
    expect(said).toContain('4 rows, 100 %')
    expect(await run('import', path)).toBe('Nothing is new; 4 were there already.')
    expect(JSON.parse(await run('import', path, '--json'))).toMatchObject({
      rows: 0,
      known_rows: 4,
      chains: [],
    })
    expect(await run('verify')).toContain('The audit log is whole')
  })

  it('refuses a file that is not whole, naming its line, and closes what it opened', async () => {
    const path = newFile()
    writeFileSync(path, '{}\n')
    await expect(run('import', path)).rejects.toThrow(/is not whole, so nothing was imported: line 1/)
    expect(line.left_open()).toBe(0)
  })
})
