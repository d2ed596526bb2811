import type { Knex } from 'knex'

/** Of each of these writers that has rows, the seq of the last. */
export async function lastRows(db: Knex, writer_ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.raw<{ rows: { writer_id: string; seq: number | null }[] }>(
    `select named.writer_id, last.seq::float8 as seq
     from unnest(?::uuid[]) as named(writer_id)
     cross join lateral (select max(seq) as seq from audit_events e where e.writer_id = named.writer_id) as last`,
    [[...writer_ids]],
  )
  return new Map(rows.flatMap(({ writer_id, seq }) => (seq === null ? [] : [[writer_id, seq]])))
}

/** The gaps that events of restored backups name, in their text form. */
export async function restoredGaps(db: Knex): Promise<string[]> {
  const details: (Record<string, unknown> | null)[] = await db('audit_events')
    .where({ type: 'audit.restored' })
    .pluck('detail')
  return details.flatMap((detail) => (Array.isArray(detail?.gaps) ? detail.gaps.map(String) : []))
}
