import type { Knex } from 'knex'

/** Rows of oidc-provider's short-lived models (interactions, replay guards), one JSON payload each. */
export type Payload = Record<string, unknown>

/** Inserts or replaces a payload; it is gone `ttl_seconds` from now, by the database's clock. */
export async function putPayload(
  db: Knex,
  row: {
    model: string
    id: string
    payload: Payload
    ttl_seconds: number | undefined
  },
): Promise<void> {
  await db.raw(
    `insert into oidc_payloads (model, id, payload, expires_at)
     values (?, ?, ?, now() + make_interval(secs => ?))
     on conflict (model, id) do update
       set payload = excluded.payload, expires_at = excluded.expires_at`,
    [row.model, row.id, JSON.stringify(row.payload), row.ttl_seconds ?? null],
  )
}

/** Inserts a payload unless one with this id is alive; false when it is: the caller lost, or it is a replay. */
export async function putPayloadOnce(
  db: Knex,
  row: { model: string; id: string; payload: Payload; ttl_seconds: number },
): Promise<boolean> {
  const { rowCount } = await db.raw(
    `insert into oidc_payloads (model, id, payload, expires_at)
     values (?, ?, ?, now() + make_interval(secs => ?))
     on conflict (model, id) do update
       set payload = excluded.payload, expires_at = excluded.expires_at
       where oidc_payloads.expires_at <= now()`,
    [row.model, row.id, JSON.stringify(row.payload), row.ttl_seconds],
  )
  return rowCount === 1
}

export async function getPayload(db: Knex, model: string, id: string): Promise<Payload | undefined> {
  const row = await db('oidc_payloads')
    .where({ model, id })
    .andWhereRaw('(expires_at is null or expires_at > now())')
    .first('payload')
  return row?.payload
}

export async function deletePayload(db: Knex, model: string, id: string): Promise<void> {
  await db('oidc_payloads').where({ model, id }).delete()
}
