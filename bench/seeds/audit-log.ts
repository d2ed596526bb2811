import { randomBytes, randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../src/audit/events/audit-event.ts'
import { AuditWriter } from '../../src/audit/log/audit-writer.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { CLIENT_ID, RESOURCE, SCOPE, TOOL } from './workload.ts'

/** Writes events as a busy server does, through the product itself, so that the chains are real. */
const WRITERS = 4
const PER_CALL = 1_000
const GRANTS = 1_000

/** Answers how many rows were written: the events and the first row of each chain. */
export async function writeAuditLog(
  url: string,
  count: number,
  heard: (rows: number) => void,
): Promise<number> {
  const database = openDatabase({ url, application_name: 'toolgate-bench', statement_timeout_ms: 0 })
  const logs = Array.from({ length: WRITERS }, () => new AuditWriter(database.hot))
  const event = eventMaker()
  let left = count
  let written = 0
  try {
    await Promise.all(
      logs.map(async (log) => {
        while (left > 0) {
          const share = Math.min(left, PER_CALL)
          left -= share
          await log.append(Array.from({ length: share }, event))
          written += share
          heard(written)
        }
      }),
    )
    return logs.reduce((rows, log) => rows + log.head.seq, 0)
  } finally {
    await Promise.all(logs.map((log) => log.close()))
    await database.close()
  }
}

function eventMaker(): () => AuditEvent {
  const grants = Array.from({ length: GRANTS }, () => ({
    account_id: `usr_${randomBytes(12).toString('base64url')}`,
    grant_id: randomBytes(16).toString('hex'),
    token_id: randomBytes(32).toString('base64url'),
  }))
  let place = 0
  return () => {
    place = (place + 1) % GRANTS
    const { account_id = '', grant_id, token_id } = grants[place] ?? {}
    return {
      type: 'tool.decided',
      actor: { kind: 'account', id: account_id },
      account_id,
      client_id: CLIENT_ID,
      resource: RESOURCE,
      tool: TOOL,
      decision: 'allowed',
      scope: SCOPE,
      grant_id,
      token_id,
      request_id: randomUUID(),
      ip: '192.0.2.1',
      detail: { resource_server: 'rs_of_the_benchmark', method: 'tools/call', needed: 'notes:write' },
    }
  }
}
