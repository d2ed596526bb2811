import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpoint.ts'
import type { CheckpointKey } from '../../../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { startCheckpoints } from '../../../../src/audit/integrity/checkpoints/checkpoint-schedule.ts'
import { checkpointTurn } from '../../../../src/audit/integrity/checkpoints/checkpoint-store.ts'
import {
  makeCheckpoint,
  makeCheckpointWhenDue,
} from '../../../../src/audit/integrity/checkpoints/checkpointer.ts'
import { checkProof, writeProof } from '../../../../src/audit/integrity/checkpoints/proof.ts'
import { proveEvent } from '../../../../src/audit/integrity/checkpoints/proof-store.ts'
import { verifyChains } from '../../../../src/audit/integrity/verification/verify.ts'
import { AuditWriter } from '../../../../src/audit/log/audit-writer.ts'
import { normaliseEvent } from '../../../../src/audit-chain/event-fields.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { ISSUER, newKey } from '../../proofs.ts'
import { decided } from '../../rows.ts'

let test: TestDatabase
let key: CheckpointKey
let making: { db: TestDatabase['database']['knex']; key: CheckpointKey; issuer: string }
beforeEach(async () => {
  test = await createTestDatabase()
  key ??= await newKey()
  making = { db: test.database.knex, key, issuer: ISSUER }
})
afterEach(() => test.drop())

async function command(index: number): Promise<string> {
  const log = new AuditWriter(test.database.hot)
  await log.append(decided(index))
  await log.close()
  return log.head.writer_id
}

async function faults(jws: string) {
  const { heads } = await readCheckpoint(jws)
  const { faults: found } = await verifyChains(test.database.knex, { known_heads: heads })
  return found.map(({ writer_id, seq, kind }) => ({ writer_id, seq, kind }))
}

async function remove(where: object): Promise<void> {
  await test.database.knex.transaction(async (forger) => {
    await forger.raw('alter table audit_events disable trigger all')
    await forger('audit_events').where(where).delete()
  })
}

async function idOf(tool: string): Promise<string> {
  return (await test.database.knex('audit_events').where({ tool }).first('id')).id
}

describe('a checkpoint', () => {
  it('names the heads of all writers that live, and stays small however many have ended', async () => {
    const server = new AuditWriter(test.database.hot)
    await server.append(decided(0))
    for (let index = 1; index <= 12; index++) await command(index)
    const last = await command(13)
    const { heads } = await readCheckpoint(await makeCheckpoint(making))
    const named = heads.map(({ writer_id }) => writer_id)
    expect(named.sort()).toEqual([server.head.writer_id, last].sort())
    expect(heads.find(({ writer_id }) => writer_id === server.head.writer_id)).toEqual(server.head)
    await server.close()
  })

  it('names the one before it', async () => {
    const first = await readCheckpoint(await makeCheckpoint(making))
    const second = await readCheckpoint(await makeCheckpoint(making))
    expect([first.previous, second.previous]).toEqual([undefined, first.digest])
  })

  it('shows that the tail of a chain was cut off, or the newest chain removed', async () => {
    const log = new AuditWriter(test.database.hot)
    await log.append([decided(1), decided(2), decided(3)])
    const jws = await makeCheckpoint(making)
    expect(await faults(jws)).toEqual([])
    const { writer_id } = log.head
    await remove({ writer_id, seq: 4 })
    expect(await faults(jws)).toEqual([{ writer_id, seq: 4, kind: 'cut_off' }])
    await remove({ writer_id })
    expect(await faults(jws)).toEqual([{ writer_id, seq: 1, kind: 'missing_writer' }])
    await log.close()
  })

  it('is due when something was appended and the newest is old enough', async () => {
    expect(await makeCheckpointWhenDue(making, 0)).toBeUndefined()
    await command(1)
    expect(await makeCheckpointWhenDue(making, 3_600)).toBeDefined()
    await command(2)
    expect(await makeCheckpointWhenDue(making, 3_600)).toBeUndefined()
    expect(await makeCheckpointWhenDue(making, 0)).toBeDefined()
    expect(await makeCheckpointWhenDue(making, 0)).toBeUndefined()
  })

  it('is left to whoever makes one already', async () => {
    await command(1)
    const other = await checkpointTurn(test.database.knex, true, () => makeCheckpointWhenDue(making, 0))
    expect(other).toBeUndefined()
    expect(await makeCheckpointWhenDue(making, 0)).toBeDefined()
  })

  it('is kept in tables that only grow', async () => {
    await command(1)
    await makeCheckpoint(making)
    for (const table of ['audit_checkpoints', 'audit_checkpoint_heads'])
      for (const change of [`delete from ${table}`, `truncate ${table} cascade`])
        await expect(test.database.knex.raw(change), change).rejects.toThrow('append-only')
  })

  it('is signed at the end, behind the end of the own chain', async () => {
    const audit = new AuditWriter(test.database.hot)
    const log = { info() {}, warn() {} }
    const checkpoints = startCheckpoints({ ...making, audit, log, interval_seconds: 3_600, sinks: [] })
    await audit.append(decided(1))
    await audit.close()
    await checkpoints.close()
    const [row] = await test.database.knex('audit_checkpoints')
    expect((await readCheckpoint(row.jws)).heads).toMatchObject([{ writer_id: audit.head.writer_id, seq: 3 }])
  })
})

describe('a proof', () => {
  const proven = async (id: string) => {
    const text = writeProof(await proveEvent(making, id))
    return { ...(await checkProof(Buffer.from(text), { public_key: key.thumbprint })), text }
  }

  it('leads to the next checkpoint, which is signed when there is none', async () => {
    const log = new AuditWriter(test.database.hot)
    await log.append(Array.from({ length: 30 }, (_, index) => decided(index)))
    const first = await proven(await idOf('tool_7'))
    expect(first.event).toMatchObject({ ...normaliseEvent(decided(7)), seq: 9 })
    await log.append(decided(30))
    await makeCheckpoint(making)
    const again = await proven(await idOf('tool_7'))
    expect(again.checkpoint.jws).toBe(first.checkpoint.jws)
    await log.close()
  })

  it('leads through the chains that named the ends of those before, where they ended between checkpoints', async () => {
    for (let index = 0; index < 5; index++) await command(index)
    const { event, text } = await proven(await idOf('tool_1'))
    expect(event).toMatchObject(normaliseEvent(decided(1)))
    expect(JSON.parse(text).segments).toHaveLength(4)
    expect(text).not.toContain('tool_2')
  })

  it('is refused for what is not there, and for a chain that is not whole', async () => {
    const log = new AuditWriter(test.database.hot)
    await log.append([1, 2, 3, 4].map(decided))
    const id = await idOf('tool_1')
    await remove({ seq: 4 })
    await expect(proveEvent(making, id)).rejects.toMatchObject({ code: 'conflict' })
    await expect(proveEvent(making, crypto.randomUUID())).rejects.toMatchObject({ code: 'not_found' })
    await expect(proveEvent(making, 'x')).rejects.toMatchObject({ code: 'not_found' })
    await log.close()
  })
})
