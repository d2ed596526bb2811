import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ForgedLog } from '../../../../bench/forgery/forged-log.ts'
import { FORGERY_WEIGHTS, Forger, type Log, randomOf } from '../../../../bench/forgery/forgeries.ts'
import {
  forgeTable,
  isSame,
  misjudged,
  readLog,
  writeLog,
} from '../../../../bench/forgery/manipulated-log.ts'
import { verifyChains } from '../../../../src/audit/integrity/verification/verify.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'

const IN_MEMORY = 2_000
const IN_THE_TABLE = 150

let test: TestDatabase
let log: Log

beforeAll(async () => {
  test = await createTestDatabase()
  await writeLog(test.database.hot, 4_000, 500)
  log = await readLog(test.url, 50)
  await test.database.knex.raw('alter table audit_events disable trigger all')
})

afterAll(() => test.drop())

describe('manipulations of the audit log', () => {
  it(`are found at their row, each of ${IN_MEMORY}, whatever bits they flip`, async () => {
    const forged = new ForgedLog(log)
    const forger = new Forger(log, randomOf(7), { is_storable: false })
    const wrong: string[] = []
    const kinds = new Set<string>()
    for (let made = 0; made < IN_MEMORY; made++) {
      const forgery = forger.next()
      kinds.add(forgery.kind)
      const said = misjudged(forgery, (await forged.verify(forgery)).faults)
      if (said) wrong.push(said)
    }
    expect(wrong).toEqual([])
    expect([...kinds].sort()).toEqual(Object.keys(FORGERY_WEIGHTS).sort())
  })

  it(`are found at their row in the table, each of ${IN_THE_TABLE}, and leave nothing behind`, async () => {
    const { database } = test
    const forged = new ForgedLog(log)
    const forger = new Forger(log, randomOf(11), { is_storable: true })
    const wrong: string[] = []
    for (let made = 0; made < IN_THE_TABLE; made++) {
      const forgery = forger.next()
      const takeBack = await forgeTable(database, log, forgery)
      const { faults } = await verifyChains(database.knex, { known_heads: log.heads })
      await takeBack()
      const said = misjudged(forgery, faults)
      if (said) wrong.push(said)
      expect(isSame(faults, (await forged.verify(forgery)).faults)).toBe(true)
    }
    expect(wrong).toEqual([])
    expect(await verifyChains(database.knex, { known_heads: log.heads })).toMatchObject({ fault_count: 0 })
  })

  it('are found without one where a later chain names the end that was cut off', async () => {
    const [oldest = []] = [...log.chains.values()]
    const takeBack = await forgeTable(test.database, log, { removed: oldest.slice(-3), added: [] })
    const { faults } = await verifyChains(test.database.knex)
    await takeBack()
    expect(faults.map(({ kind }) => kind)).toContain('missing_predecessor')
  })

  it('are not found without a head known from elsewhere, when the end of the newest chain was cut off', async () => {
    const newest = [...log.chains.values()].at(-1) ?? []
    const takeBack = await forgeTable(test.database, log, { removed: newest.slice(-3), added: [] })
    const { fault_count } = await verifyChains(test.database.knex)
    await takeBack()
    expect(fault_count).toBe(0)
  })
})
