import type { Knex } from 'knex'

/** The two hashes of one stored row. */
export async function findLink(
  db: Knex,
  writer_id: string,
  seq: number,
): Promise<{ prev_hash: Buffer; hash: Buffer } | undefined> {
  return db('audit_events').where({ writer_id, seq }).first('prev_hash', 'hash')
}
