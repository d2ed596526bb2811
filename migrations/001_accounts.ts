import type { Knex } from 'knex'

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table accounts (
      id             text primary key,
      username       text not null unique check (username = lower(username)),
      password_hash  text not null,
      roles          text[] not null default '{}',
      created_at     timestamptz not null default now(),
      disabled_at    timestamptz
    );
    -- One row per account name or address that recently failed to sign in.
    create table login_attempts (
      key            text primary key,
      failures       integer not null,
      window_ends_at timestamptz not null
    );
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table login_attempts; drop table accounts')
}
