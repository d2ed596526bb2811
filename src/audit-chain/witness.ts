import { SERVER } from './actor.ts'
import { type AuditDetail, type AuditFields, normaliseEvent } from './event-fields.ts'
import type { ChainHead } from './hash-chain.ts'
import { HEX_HASH, UUID } from './row-bytes.ts'

/**
 * Pure: rows that name a row of another chain, as the first of every chain names its predecessor. They bind chains
 * that have ended into those that go on, so that a chain cannot be removed whole without one that names it.
 */
export type Witness = {
  /** The row that must exist, with this hash (hex). */
  writer_id: string
  seq: number
  hash: string
}

/** The row of another chain that this event names; undefined when it names none. */
export function witnessOf({ type, detail }: Pick<AuditFields, 'type' | 'detail'>): Witness | undefined {
  if (!detail) return undefined
  if (type === 'writer.started')
    return witness(detail.predecessor_writer_id, detail.predecessor_seq, detail.predecessor_hash)
  if (type === 'writer.closed') return witness(detail.writer_id, detail.seq, detail.hash)
  if (type === 'audit.imported') return witness(detail.writer_id, detail.last_seq, detail.hash)
  return undefined
}

function witness(writer_id: unknown, seq: unknown, hash: unknown): Witness | undefined {
  if (typeof writer_id !== 'string' || !UUID.test(writer_id)) return undefined
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined
  return typeof hash === 'string' && HEX_HASH.test(hash) ? { writer_id, seq, hash } : undefined
}

/** The first event of a chain. `found`: what its writer came upon. */
export function writerStarted(
  process: string,
  predecessor: ChainHead | undefined,
  found: AuditDetail = {},
): AuditFields {
  const named = predecessor && {
    predecessor_writer_id: predecessor.writer_id,
    predecessor_seq: predecessor.seq,
    predecessor_hash: predecessor.hash.toString('hex'),
  }
  return event('writer.started', { process, ...named, ...found })
}

/** Names the last row of a chain that ended. A head without a row says that none was found. */
export function writerClosed({ writer_id, seq, hash }: ChainHead, is_stopped: boolean): AuditFields {
  const found = seq > 0 ? { hash: hash.toString('hex') } : {}
  return event('writer.closed', { writer_id, seq, ...found, stopped: is_stopped })
}

/** The last event of a chain that ends in order. */
export function writerStopped(): AuditFields {
  return event('writer.stopped', {})
}

function event(type: string, detail: AuditDetail): AuditFields {
  return normaliseEvent({ type, actor: SERVER, detail })
}
