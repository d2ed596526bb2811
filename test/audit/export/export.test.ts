import { afterAll, beforeAll, expect, it } from 'vitest'
import { EXPORT_FORMATS, type ExportFormat, exportEvents } from '../../../src/audit/export/export.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
  const log = new AuditLog(test.database.hot)
  for (let start = 0; start < 2_500; start += 500)
    await log.append(Array.from({ length: 500 }, (_, index) => decided(start + index)))
})
afterAll(() => test.drop())

async function lines(format: ExportFormat, filter = {}): Promise<string[]> {
  const texts: string[] = []
  for await (const { text } of exportEvents(test.database.knex, format, filter)) texts.push(text)
  return texts.join('').split('\n').slice(0, -1)
}

it.each(EXPORT_FORMATS)('%s has every event once, in pieces of at most 1,000', async (format) => {
  expect(await lines(format)).toHaveLength(format === 'csv' ? 2_502 : 2_501)
  for await (const { text } of exportEvents(test.database.knex, format, {}))
    expect(text.split('\n').length).toBeLessThanOrEqual(1_001)
})

it('has what was asked for and nothing else', async () => {
  const events = (await lines('jsonl', { account_id: 'usr_3', tool: 'tool_10' })).map((line) =>
    JSON.parse(line),
  )
  expect(events).toMatchObject([{ account_id: 'usr_3', tool: 'tool_10' }])
  expect(await lines('ocsf', { to: new Date(0) })).toEqual([])
})
