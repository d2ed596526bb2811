import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OutcomeReport } from '../../../src/guard/reports/call-report.ts'
import { fileSpool } from '../../../src/guard/spool/file-spool.ts'
import { ids, reports } from '../reports/outcome-reports.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'toolgate-spool-'))
  path = join(directory, 'reports')
})
afterEach(() => rmSync(directory, { recursive: true }))

/** What the next process finds. */
async function leftAfter(...work: ((spool: ReturnType<typeof fileSpool>) => Promise<unknown>)[]) {
  const spool = fileSpool(path)
  for (const each of work) await each(spool)
  await spool.close()
  const next = fileSpool(path)
  await next.close()
  return next.left
}

describe('a spool in a file', () => {
  it('has what was taken and not acknowledged, as it was and in its order', async () => {
    const all = reports(5)
    const left = await leftAfter(
      (spool) => Promise.all(all.map((each) => spool.take([each]))),
      (spool) => spool.acknowledge(ids([all[1], all[3]] as OutcomeReport[])),
    )
    expect(left).toEqual([all[0], all[2], all[4]])
  })

  it('is the same for any order of takes and acknowledgements, torn anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(4), { maxLength: 12 }), fc.nat(400), async (steps, torn) => {
        rmSync(path, { force: true })
        const spool = fileSpool(path)
        const kept = new Map<string, OutcomeReport>()
        for (const step of steps) {
          const [oldest] = kept.keys()
          if (step === 0 && oldest) {
            kept.delete(oldest)
            await spool.acknowledge([oldest])
            continue
          }
          const taken = reports(step)
          for (const each of taken) kept.set(each.id, each)
          await spool.take(taken)
        }
        await spool.close()
        // What a process wrote of its last line when it died.
        const line = JSON.stringify(reports(1)[0])
        appendFileSync(path, line.slice(0, torn % line.length))
        expect(await leftAfter()).toEqual([...kept.values()])
      }),
      { numRuns: 30 },
    )
  })

  it('takes on after a line that was torn', async () => {
    const [one, other] = reports(2) as [OutcomeReport, OutcomeReport]
    writeFileSync(path, `${JSON.stringify(one)}\n{"id":"ab`)
    expect(await leftAfter((spool) => spool.take([other]))).toEqual([one, other])
  })

  it('stays small, however much goes through it', async () => {
    const spool = fileSpool(path)
    const kept = reports(3)
    await spool.take(kept)
    for (let round = 0; round < 30; round++) {
      const batch = reports(100)
      await spool.take(batch)
      await spool.acknowledge(ids(batch))
    }
    expect(statSync(path).size).toBeLessThan(1_200 * JSON.stringify(reports(1)[0]).length)
    await spool.close()
    expect(await leftAfter()).toEqual(kept)
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(3)
  })

  it('is read by its owner alone, also where it was there before', async () => {
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    await leftAfter((spool) => spool.take(reports(1)))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('belongs to one process at a time, and goes over to a container that takes the place of another', async () => {
    const spool = fileSpool(path)
    expect(() => fileSpool(path)).toThrow('open in this process already')
    await spool.close()
    writeFileSync(`${path}.lock.1.0.replaced`, '')
    await fileSpool(path).close()
    expect(readdirSync(directory)).toEqual(['reports'])
  })

  it('is refused at the start where it cannot be', () => {
    expect(() => fileSpool(join(directory, 'missing', 'reports'))).toThrow('ENOENT')
  })
})
