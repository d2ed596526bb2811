import type { Knex } from 'knex'

/** Programs that know Toolgate: clients, resource servers, and operators' own. */
const CLIENTS = `
  create table clients (
    id               text primary key,
    metadata         jsonb not null,
    created_at       timestamptz not null default now(),
    origin           text not null default 'registration' check (origin in ('registration', 'operator')),
    -- What makes two registrations the same.
    metadata_digest  bytea,
    used_at          timestamptz
  );
  -- Without the id: a plan made while the table is empty could take such an index for a lookup by id.
  create index clients_created on clients (created_at);
  create index clients_same_registration on clients (metadata_digest, created_at) where metadata_digest is not null;
  create index clients_never_used on clients (created_at) where used_at is null;

  create table blocked_clients (
    client_id   text primary key,
    reason      text not null,
    blocked_by  text not null,
    blocked_at  timestamptz not null default now()
  );
`

/**
 * What clients publish about themselves, as last good copies that all instances share: client ID metadata documents
 * and the key sets at a jwks_uri. With each, what came of asking again.
 */
const PUBLISHED = `
  create table metadata_documents (
    client_id    text primary key,
    metadata     jsonb,
    -- Changes when redirect hosts, keys or the way of authentication change.
    identity     text,
    fetched_at   timestamptz,
    fresh_until  timestamptz not null default now(),
    failure      text,
    -- A definite refusal (404, another client's document …): the copy no longer opens new authorizations.
    refused      boolean not null default false,
    created_at   timestamptz not null default now()
  );
  create index metadata_documents_freshness on metadata_documents (fresh_until);
  create index metadata_documents_created on metadata_documents (created_at) where metadata is not null;

  create table client_key_sets (
    jwks_uri      text primary key,
    keys          jsonb,
    fetched_at    timestamptz,
    fresh_until   timestamptz not null default now(),
    -- Earlier than this it is not fetched again, whatever key is asked for.
    ask_again_at  timestamptz not null,
    failure       text
  );
  create index client_key_sets_freshness on client_key_sets (fresh_until);
`

const RESOURCE_SERVERS = `
  -- Protected resources that may introspect, by a secret or by keys of their own.
  create table resource_servers (
    id               text primary key,
    resource         text not null,
    -- SHA-256 of the secret, which is a random 256-bit value; or SHA-512/256 of jwks.
    credential_hash  bytea not null check (octet_length(credential_hash) = 32),
    -- The public keys as one canonical JSON text; null where there is a secret.
    jwks             text,
    created_at       timestamptz not null default now(),
    rotated_at       timestamptz
  );

  -- Ids of reports that were taken, so that each is taken once however often it is sent.
  create table resource_server_reports (
    resource_server_id  text not null references resource_servers(id) on delete cascade,
    id                  uuid not null,
    taken_at            timestamptz not null default now(),
    primary key (resource_server_id, id)
  );
  create index resource_server_reports_taken on resource_server_reports (taken_at);
`

const OPERATOR_TOKENS = `
  create table operator_tokens (
    id          text primary key,
    token_hash  bytea not null unique,
    name        text not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    scope       text not null default 'operator:read operator:revoke',
    created_by  text
  );
`

export async function up(knex: Knex): Promise<void> {
  await knex.raw(CLIENTS)
  await knex.raw(PUBLISHED)
  await knex.raw(RESOURCE_SERVERS)
  await knex.raw(OPERATOR_TOKENS)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table operator_tokens;
    drop table resource_server_reports;
    drop table resource_servers;
    drop table client_key_sets;
    drop table metadata_documents;
    drop table blocked_clients;
    drop table clients
  `)
}
