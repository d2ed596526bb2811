import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listPartitions } from '../../../../src/audit/integrity/archive/partition-store.ts'
import { retain } from '../../../../src/audit/integrity/archive/retention.ts'
import { verifyLog } from '../../../../src/audit/integrity/archive/verify-log.ts'
import { readCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { makeCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpointer.ts'
import { checkProof, writeProof } from '../../../../src/audit/integrity/checkpoints/proof.ts'
import { proveEvent } from '../../../../src/audit/integrity/checkpoints/proof-store.ts'
import { importLocalLog } from '../../../../src/audit/integrity/import/import.ts'
import { followEvents, followFromNow } from '../../../../src/audit/live/follow-store.ts'
import { AuditLog } from '../../../../src/audit/log/audit-log.ts'
import { AuditWriter } from '../../../../src/audit/log/audit-writer.ts'
import { pageEvents } from '../../../../src/audit/query/audit-store.ts'
import { callsByHour } from '../../../../src/audit/query/usage-hours-store.ts'
import { normaliseEvent } from '../../../../src/audit-chain/event-fields.ts'
import { type AuditRow, chainRows } from '../../../../src/audit-chain/hash-chain.ts'
import { readRowLine, rowLine } from '../../../../src/audit-chain/row-line.ts'
import { openDatabase } from '../../../../src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { createDatabaseWithRoles } from '../../../support/database-roles.ts'
import { TEST } from '../../../support/origins.ts'
import { evidence, inMonth, partitionOf } from '../../months.ts'
import { ISSUER, newKey } from '../../proofs.ts'
import { decided } from '../../rows.ts'
import { calledLocally, fileOf, localRows } from './local-files.ts'

let test: TestDatabase
let audit: AuditLog
beforeEach(async () => {
  test = await createTestDatabase()
  audit = new AuditLog(test.database.hot)
})
afterEach(async () => {
  await audit.close()
  await test.drop()
})

const NOW = new Date(Date.now() - 60_000)
const bring = (path: string) => importLocalLog(test.database.knex, audit, path, { actor: TEST.actor })
const verify = (options = {}) => verifyLog(test.database.knex, options)
const count = async (where: object) =>
  Number((await test.database.knex('audit_events').where(where).count())[0]?.count)

/** Two sessions: five rows, and four of a process that was killed or still runs. */
function sessions(at = NOW): AuditRow[] {
  const calls = ['search_notes', 'get_note', 'create_note'].map((tool) => calledLocally(tool))
  return localRows([
    { at, calls },
    { at, calls, is_stopped: false },
  ])
}

/** The same file, with what its last writer wrote since. */
function goOn(path: string, rows: AuditRow[], ...tools: string[]): AuditRow[] {
  const { writer_id, seq, hash } = rows.at(-1)!
  const more = chainRows(
    { writer_id, seq, hash },
    tools.map((tool) => normaliseEvent(calledLocally(tool))),
    NOW,
  )
  appendFileSync(path, more.rows.map((row) => `${rowLine(row)}\n`).join(''))
  return [...rows, ...more.rows]
}

async function remove(where: object, from_seq = 0): Promise<void> {
  await test.database.knex.transaction(async (forger) => {
    await forger.raw('alter table audit_events disable trigger all')
    await forger('audit_events').where(where).where('seq', '>=', from_seq).delete()
  })
}

describe('an import', () => {
  it('brings the rows in as they are, names each chain in the log, and all of it verifies', async () => {
    const rows = sessions()
    const path = fileOf(rows)
    const imported = await bring(path)
    expect(imported).toMatchObject({ rows: 9, known_rows: 0 })
    for (const row of rows) {
      const [stored] = await test.database.knex('audit_events').where({ id: row.id })
      expect({ ...stored, seq: Number(stored.seq) }).toEqual(row)
    }
    const events = await test.database.knex('audit_events').where({ type: 'audit.imported' }).orderBy('seq')
    expect(events).toMatchObject(
      imported.chains.map((chain) => ({
        actor_kind: 'cli',
        actor_id: 'test@machine',
        detail: { ...chain, rows: chain.last_seq, file_sha256: imported.sha256 },
      })),
    )
    expect(await verify()).toMatchObject({ fault_count: 0, rows: 9 + 1 + 2 })
  })

  it('a second time adds nothing, and so does an older copy', async () => {
    const rows = sessions()
    const path = fileOf(rows)
    await bring(path)
    expect(await bring(path)).toMatchObject({ rows: 0, known_rows: 9, chains: [] })
    expect(await bring(fileOf(rows.slice(0, 8)))).toMatchObject({ rows: 0, known_rows: 8 })
    expect(await count({ type: 'audit.imported' })).toBe(2)
  })

  it('of a longer file adds the rest', async () => {
    const path = fileOf(sessions())
    await bring(path)
    const rows = goOn(path, readRows(path), 'delete_note')
    expect(await bring(path)).toMatchObject({
      rows: 1,
      known_rows: 9,
      chains: [{ writer_id: rows.at(-1)?.writer_id, first_seq: 5, last_seq: 5 }],
    })
    expect(await verify()).toMatchObject({ fault_count: 0 })
  })

  it('of a file that disagrees with what was imported is refused and changes nothing', async () => {
    const rows = sessions()
    await bring(fileOf(rows))
    const before = await count({})
    const forged = rows.slice(0, 6)
    const path = fileOf(forged)
    goOn(path, forged, 'x', 'y', 'z', 'w')
    await expect(bring(path)).rejects.toThrow('line 9: row 4')
    const shorter = fileOf(forged)
    goOn(shorter, forged, 'x')
    await expect(bring(shorter)).rejects.toThrow('is not the one that was imported before')
    expect(await count({})).toBe(before)
  })

  it('of a file that is not whole is refused', async () => {
    const path = fileOf(sessions())
    truncateSync(path, readFileSync(path).length - 10)
    await expect(bring(path)).rejects.toThrow(/line 9: the file ends within this line/)
    await expect(bring(fileOf(sessions().toSpliced(2, 1)))).rejects.toThrow('line 3: row 3 is missing')
    expect(await count({})).toBe(0)
  })

  it('brings in nothing that only the server may say', async () => {
    const forged = [
      calledLocally('a', { type: 'audit.partition_dropped', tool: undefined }),
      calledLocally('a', { actor: { kind: 'operator_token', id: 'opt_1' } }),
      calledLocally('a', { account_id: 'usr_1' }),
      calledLocally('a', { token_id: 'token' }),
      calledLocally('a', { client_id: 'https://app.test/client.json' }),
      calledLocally('a', { ip: '203.0.113.7' }),
      calledLocally('a', { scope: 'notes:write' }),
    ]
    for (const call of forged)
      await expect(bring(fileOf(localRows([{ at: NOW, calls: [call] }])))).rejects.toThrow(
        /because of line 2/,
      )
    expect(await count({})).toBe(0)
    expect(await test.database.knex('audit_writers').where('process', 'like', 'import of %')).toEqual([])
  })

  it('brings in no text that the log itself would have cleaned', async () => {
    const [head, clean] = localRows([{ at: NOW, calls: [calledLocally('a')], is_stopped: false }])
    const { writer_id, seq, hash } = head!
    const forged = [
      { tool: '\u001b[2K\u001b[1Aforged' },
      { tool: 'a\0' },
      { tool: 'a'.repeat(100_000) },
      { detail: { method: '\u202etools/call' } },
      { detail: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`key_${index}`, index])) },
    ]
    for (const change of forged) {
      const { rows } = chainRows({ writer_id, seq, hash }, [{ ...clean!, ...change }], NOW)
      await expect(bring(fileOf([head!, ...rows]))).rejects.toThrow('because of line 2: it has text')
    }
    expect(await count({})).toBe(0)
  })

  it('adds nothing to a chain of the server itself', async () => {
    const server = new AuditWriter(test.database.hot)
    await server.append(decided(0))
    const stored = await test.database.knex('audit_events').orderBy('seq')
    const rows = stored.map((row) => ({ ...row, seq: Number(row.seq) }))
    const path = fileOf(rows)
    goOn(path, rows, 'forged')
    await expect(bring(path)).rejects.toThrow("one of this log's own")
    await server.close()
  })

  it('refuses what is yet to come, and months that retention dropped; what it knew of them it still knows', async () => {
    const later = fileOf(sessions(new Date(Date.now() + 3_600_000)))
    await expect(bring(later)).rejects.toThrow('yet to come')
    const old = fileOf(sessions(inMonth(3)))
    expect(await bring(old)).toMatchObject({ rows: 9 })
    await retain(test.database.knex, audit, { months: 1, actor: TEST.actor, evidence: evidence() })
    expect(await bring(old)).toMatchObject({ rows: 0, known_rows: 9 })
    await expect(bring(fileOf(sessions(inMonth(3))))).rejects.toThrow(
      `${partitionOf(3)} was closed and dropped by retention`,
    )
    expect(await verify()).toMatchObject({ fault_count: 0 })
  })

  it('gives old rows the months that they need', async () => {
    const calls = [calledLocally('search_notes')]
    await bring(fileOf(localRows([3, 2].map((ago) => ({ at: inMonth(ago), calls })))))
    const partitions = (await listPartitions(test.database.knex)).map(({ name }) => name)
    expect(partitions).toEqual(expect.arrayContaining([partitionOf(3), partitionOf(2)]))
    expect(await count({})).toBe(6 + 1 + 2)
    const { rows } = await test.database.knex.raw('select count(*) from audit_events_default')
    expect(Number(rows[0].count)).toBe(0)
  })

  it('of one file by two at once brings each row in once', async () => {
    const path = fileOf(sessions())
    const other = new AuditLog(test.database.hot)
    const outcomes = await Promise.allSettled([
      bring(path),
      importLocalLog(test.database.knex, other, path, { actor: TEST.actor }),
    ])
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(await bring(path)).toMatchObject({ rows: 0, known_rows: 9 })
    await other.close()
    expect(await count({ type: 'audit.imported' })).toBe(2)
  })

  it('can be done by the role of a server', async () => {
    const roles = await createDatabaseWithRoles()
    const server = openDatabase({ url: roles.server_url, pool_max: 4 })
    const log = new AuditLog(server.hot)
    try {
      const rows = sessions(inMonth(2))
      expect(await importLocalLog(server.knex, log, fileOf(rows), TEST)).toMatchObject({
        rows: 9,
      })
      expect(await verifyLog(roles.db.database.knex)).toMatchObject({ fault_count: 0 })
    } finally {
      await log.close()
      await server.close()
      await roles.drop()
    }
  })
})

describe('an imported chain', () => {
  it('that was cut off later is found, also when what named it is gone too', async () => {
    const rows = sessions()
    await bring(fileOf(rows))
    const key = await newKey()
    const jws = await makeCheckpoint({ db: test.database.knex, key, issuer: ISSUER })
    const known_heads = (await readCheckpoint(jws)).heads
    const { writer_id } = rows[8]!
    await remove({ writer_id }, 4)
    expect((await verify()).faults).toMatchObject([{ writer_id, seq: 4, kind: 'missing_predecessor' }])
    const [{ writer_id: named_by, seq }] = await test.database
      .knex('audit_events')
      .where({ type: 'audit.imported' })
      .orderBy('seq')
    await remove({ writer_id: named_by }, seq)
    expect(await verify()).toMatchObject({ fault_count: 0 })
    expect((await verify({ known_heads })).faults).toMatchObject([
      { writer_id: named_by, seq: Number(seq), kind: 'cut_off' },
    ])
  })

  it('is bound by checkpoints without being named in them, and its events can be proven', async () => {
    const rows = sessions()
    await bring(fileOf(rows))
    const key = await newKey()
    const making = { db: test.database.knex, key, issuer: ISSUER }
    const { heads } = await readCheckpoint(await makeCheckpoint(making))
    expect(heads).toHaveLength(1)
    for (const { id } of [rows[1]!, rows[7]!]) {
      const proof = Buffer.from(writeProof(await proveEvent(making, id)))
      const { event } = await checkProof(proof, { public_key: key.thumbprint })
      expect(event).toMatchObject({ id, actor_kind: 'local_user' })
    }
  })

  it('is over: who starts later has nothing to close, until there is more of it', async () => {
    const path = fileOf(sessions())
    await bring(path)
    const next = new AuditWriter(test.database.hot)
    await next.append(decided(0))
    expect(await count({ type: 'writer.closed' })).toBe(0)
    goOn(path, readRows(path), 'delete_note')
    await bring(path)
    const later = new AuditWriter(test.database.hot)
    await later.append(decided(1))
    expect(await count({ type: 'writer.closed' })).toBe(0)
    await Promise.all([next.close(), later.close()])
    expect(await verify()).toMatchObject({ fault_count: 0 })
  })

  it('is found by its words and counted; whoever follows the log hears of the import', async () => {
    const { knex } = test.database
    const position = await followFromNow(knex)
    await bring(fileOf(sessions(new Date(Date.now() - 7_200_000))))
    const { events } = await pageEvents(knex, { tool: 'create_note' }, 10)
    expect(events).toMatchObject([{ actor_kind: 'local_user' }, { actor_kind: 'local_user' }])
    const hours = await callsByHour(knex, 4)
    expect(hours.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(6)
    const followed = await followEvents(knex, {}, position)
    expect(followed.events.map(({ type }) => type)).toEqual([
      'writer.started',
      'audit.imported',
      'audit.imported',
    ])
  })
})

function readRows(path: string): AuditRow[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => readRowLine(line)!)
}
