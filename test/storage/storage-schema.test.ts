import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { readDocument, tableRows } from '../support/readme.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test?.drop())

it('docs/storage-schema.md names every table and every column, and no other', async () => {
  const { rows } = await test.database.hot.query<{ name: string; columns: string[] }>(
    `select table_name as name, array_agg(column_name::text order by ordinal_position) as columns
     from information_schema.columns
     where table_schema = 'public' and table_name !~ '^(knex_|audit_events_)'
     group by table_name`,
  )
  const document = readDocument('docs/storage-schema.md')
  const headings = [...document.matchAll(/^## ([a-z_]+)$/gm)].map(([, name = '']) => name)
  const documented = headings.map((name) => [
    name,
    tableRows(document, name).map(([column = '']) => column.replaceAll('`', '')),
  ])
  expect(Object.fromEntries(documented)).toEqual(
    Object.fromEntries(rows.map(({ name, columns }) => [name, columns])),
  )
})
