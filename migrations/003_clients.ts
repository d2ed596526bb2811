import type { Knex } from 'knex'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table clients (
      id          text primary key,
      metadata    jsonb not null,
      created_at  timestamptz not null default now()
    );
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
    create table operator_tokens (
      id           text primary key,
      token_hash   bytea not null unique,
      name         text not null,
      created_at   timestamptz not null default now(),
      expires_at   timestamptz not null
    );
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table operator_tokens; drop table resource_servers; drop table clients')
}
