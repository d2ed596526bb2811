import type { Knex } from 'knex'

/**
 * A grant owns its codes and tokens: deleting the grant row deletes them in the same statement, and a token
 * inserted for a grant that is gone is refused by its foreign key. Bearer values appear only as SHA-256.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table grants (
      id          text primary key,
      account_id  text not null references accounts(id),
      client_id   text not null,
      resource    text,
      scope       text not null,
      payload     jsonb not null,
      created_at  timestamptz not null default now(),
      expires_at  timestamptz not null
    );
    create index grants_account on grants (account_id, created_at);
    create index grants_client on grants (client_id, created_at);
    create index grants_resource on grants (resource, created_at);
    create index grants_scope on grants using gin (string_to_array(scope, ' '));
    create index grants_expiry on grants (expires_at);

    create table authorization_codes (
      id          bytea primary key,
      grant_id    text not null references grants(id) on delete cascade,
      payload     jsonb not null,
      expires_at  timestamptz not null,
      consumed_at timestamptz
    );
    create index authorization_codes_grant on authorization_codes (grant_id);
    create index authorization_codes_expiry on authorization_codes (expires_at);

    create table refresh_tokens (
      id               bytea primary key,
      grant_id         text not null references grants(id) on delete cascade,
      payload          jsonb not null,
      created_at       timestamptz not null default now(),
      expires_at       timestamptz not null,
      consumed_at      timestamptz,
      -- The token response that consumed this token, sealed under a key derived from the token itself.
      sealed_response  bytea
    );
    create index refresh_tokens_grant on refresh_tokens (grant_id);
    create index refresh_tokens_expiry on refresh_tokens (expires_at);
    create unique index refresh_tokens_one_live on refresh_tokens (grant_id) where consumed_at is null;
    -- Without the id, here as in other indexes by time: on a table that is empty yet, it would be taken for one by id.
    create index refresh_tokens_live on refresh_tokens (created_at) where consumed_at is null;

    -- Read by every introspection: typed columns only.
    create table access_tokens (
      id          bytea primary key,
      grant_id    text not null references grants(id) on delete cascade,
      account_id  text not null,
      client_id   text not null,
      resource    text not null,
      scope       text not null,
      gty         text,
      issued_at   timestamptz not null default now(),
      expires_at  timestamptz not null
    );
    create index access_tokens_grant on access_tokens (grant_id);
    create index access_tokens_expiry on access_tokens (expires_at);

    -- Browser sessions, interactions in progress and replay guards of oidc-provider.
    create table oidc_payloads (
      model       text not null,
      id          text not null,
      uid         text,
      payload     jsonb not null,
      expires_at  timestamptz,
      primary key (model, id)
    );
    create unique index oidc_payloads_uid on oidc_payloads (uid) where uid is not null;
    create index oidc_payloads_expiry on oidc_payloads (expires_at);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table oidc_payloads; drop table access_tokens; drop table refresh_tokens;
    drop table authorization_codes; drop table grants
  `)
}
