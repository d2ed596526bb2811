import type { Knex } from 'knex'

/**
 * A grant owns its codes and tokens: deleting the grant row deletes them in the same statement, and a token
 * inserted for a grant that is gone is refused by its foreign key. Bearer values appear only as SHA-256.
 */
const GRANTS = `
  create table grants (
    id               text primary key,
    account_id       text not null references accounts(id),
    client_id        text not null,
    resource         text,
    scope            text not null,
    -- For each scope the version of the catalogue that the person saw. Where there is none, nothing was seen.
    scope_versions   integer[] not null default '{}',
    payload          jsonb not null,
    created_at       timestamptz not null default now(),
    expires_at       timestamptz not null,
    -- The identity of the client's metadata document when the person consented.
    client_identity  text,
    -- What the person calls this installation of a client.
    label            text,
    receiver    text,
    -- Written from memory, to the minute: a hint for people, not evidence.
    last_used_at     timestamptz
  );
  create index grants_account on grants (account_id, created_at);
  create index grants_client on grants (client_id, created_at);
  create index grants_resource on grants (resource, created_at);
  create index grants_scope on grants using gin (string_to_array(scope, ' '));
  create index grants_expiry on grants (expires_at);
  create index grants_personal_expiry on grants (expires_at) where client_id = 'personal-access-token';
  create index grants_created on grants (created_at);
  create index grants_last_sign on grants (coalesce(last_used_at, created_at));
`

const TOKENS = `
  create table authorization_codes (
    id           bytea primary key,
    grant_id     text not null references grants(id) on delete cascade,
    payload      jsonb not null,
    expires_at   timestamptz not null,
    consumed_at  timestamptz
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

  -- A personal access token is a grant that a person gave without a client; its values are rows of access_tokens.
  create table personal_access_tokens (
    grant_id      text primary key references grants(id) on delete cascade,
    name          text not null,
    -- read-only, write or custom.
    role          text not null,
    created_by    text not null,
    -- The only value that can be rotated; the one before may live on beside it for a while.
    newest_value  bytea not null,
    rotated_at    timestamptz,
    noticed_at    timestamptz,
    -- The newest User-Agent that it was used with.
    used_by       text
  );
`

/** Browser sessions, interactions in progress and replay guards of oidc-provider. */
const PAYLOADS = `
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
  create index oidc_payloads_session_account on oidc_payloads ((payload->>'accountId')) where model = 'Session';
`

/** Written every few seconds, from memory. A tool is empty where none was named. */
const USAGE = `
  create table grant_tool_uses (
    grant_id       text not null references grants(id) on delete cascade,
    tool           text not null,
    first_used_at  timestamptz not null,
    last_used_at   timestamptz not null,
    allowed        bigint not null,
    denied         bigint not null,
    primary key (grant_id, tool)
  );

  create table usage_hours (
    hour      timestamptz not null,
    resource  text not null,
    tool      text not null,
    decision  text not null,
    calls     bigint not null,
    primary key (hour, resource, tool, decision)
  );
`

export async function up(knex: Knex): Promise<void> {
  await knex.raw(GRANTS)
  await knex.raw(TOKENS)
  await knex.raw(PAYLOADS)
  await knex.raw(USAGE)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table usage_hours;
    drop table grant_tool_uses;
    drop table oidc_payloads;
    drop table personal_access_tokens;
    drop table access_tokens;
    drop table refresh_tokens;
    drop table authorization_codes;
    drop table grants
  `)
}
