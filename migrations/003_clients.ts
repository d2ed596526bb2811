import type { Knex } from 'knex'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table clients (
      id          text primary key,
      metadata    jsonb not null,
      created_at  timestamptz not null default now()
    );
    -- Protected resources that may introspect. Secrets are random 256-bit values, so SHA-256 is enough.
    create table resource_servers (
      id           text primary key,
      resource     text not null,
      secret_hash  bytea not null,
      created_at   timestamptz not null default now(),
      rotated_at   timestamptz
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
