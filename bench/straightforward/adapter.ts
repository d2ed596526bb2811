import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * The straightforward design, to compare with: oidc-provider's own introspection over one JSONB table and one
 * awaited audit insert. Written as its documentation suggests, with indexes and hashed ids, and nothing to slow it.
 */
export async function createTables(db: Knex): Promise<void> {
  await db.raw(`
    create table oidc_payloads (
      model       text not null,
      id          text not null,
      payload     jsonb not null,
      grant_id    text,
      uid         text,
      user_code   text,
      expires_at  timestamptz,
      consumed_at timestamptz,
      primary key (model, id)
    );
    create index oidc_payloads_grant on oidc_payloads (grant_id) where grant_id is not null;
    create index oidc_payloads_uid on oidc_payloads (uid) where uid is not null;
    create index oidc_payloads_user_code on oidc_payloads (user_code) where user_code is not null;
    create index oidc_payloads_expiry on oidc_payloads (expires_at);

    create table audit_events (
      id           bigint generated always as identity primary key,
      occurred_at  timestamptz not null default now(),
      type         text not null,
      active       boolean not null,
      asked_by     text,
      account_id   text,
      client_id    text,
      grant_id     text,
      scope        text,
      ip           text
    );
    create index audit_events_occurred on audit_events (occurred_at);
  `)
}

/** Models whose id opens something; it is kept as its hash. The others are looked up by ids that everybody may know. */
const BEARER = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'Session', 'Interaction'])

type Row = { payload: AdapterPayload; consumed_at: Date | null }

export function adapterFactory(db: Knex): AdapterFactory {
  return (model) => new JsonbAdapter(db, model)
}

class JsonbAdapter implements Adapter {
  readonly #db: Knex
  readonly #model: string

  constructor(db: Knex, model: string) {
    this.#db = db
    this.#model = model
  }

  #key(id: string): string {
    return BEARER.has(this.#model) ? createHash('sha256').update(id).digest('base64url') : id
  }

  async upsert(id: string, { jti: _, ...payload }: AdapterPayload, expires_in_seconds?: number) {
    const row = {
      model: this.#model,
      id: this.#key(id),
      payload: JSON.stringify(payload),
      grant_id: payload.grantId,
      uid: payload.uid,
      user_code: payload.userCode,
      expires_at: expires_in_seconds ? new Date(Date.now() + expires_in_seconds * 1000) : null,
    }
    await this.#db('oidc_payloads').insert(row).onConflict(['model', 'id']).merge()
  }

  async find(id: string) {
    const found = await this.#findBy({ id: this.#key(id) })
    return found && { ...found, jti: id }
  }

  findByUid(uid: string) {
    return this.#findBy({ uid })
  }

  findByUserCode(user_code: string) {
    return this.#findBy({ user_code })
  }

  async #findBy(where: Record<string, string>): Promise<AdapterPayload | undefined> {
    const row: Row | undefined = await this.#db('oidc_payloads')
      .where({ model: this.#model, ...where })
      .where((live) => live.whereNull('expires_at').orWhere('expires_at', '>', this.#db.fn.now()))
      .first('payload', 'consumed_at')
    return row && { ...row.payload, ...(row.consumed_at && { consumed: true }) }
  }

  async consume(id: string) {
    const where = { model: this.#model, id: this.#key(id) }
    await this.#db('oidc_payloads').where(where).update({ consumed_at: this.#db.fn.now() })
  }

  async destroy(id: string) {
    await this.#db('oidc_payloads')
      .where({ model: this.#model, id: this.#key(id) })
      .delete()
  }

  async revokeByGrantId(grant_id: string) {
    await this.#db('oidc_payloads').where({ grant_id }).delete()
  }
}
