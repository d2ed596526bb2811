import type { Knex } from 'knex'

/** People, and who of them is signed in to the pages. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table accounts (
      id                   text primary key,
      username             text not null unique check (username = lower(username)),
      password_hash        text not null,
      roles                text[] not null default '{}',
      created_at           timestamptz not null default now(),
      disabled_at          timestamptz,
      -- A whole second. A sign-in before it counts no more, also one that was under way when this was written.
      sessions_valid_from  timestamptz not null default to_timestamp(0)
    );
    create index accounts_listed on accounts (username collate "C");
    create index accounts_by_role on accounts using gin (roles);
    create index accounts_disabled on accounts (username collate "C") where disabled_at is not null;

    -- One row for each thing that is counted against somebody who failed to sign in, or registered clients. The key is a
    -- digest: people type passwords into the wrong field. The account is named where there is one, so that it can be unlocked.
    create table login_attempts (
      key            bytea primary key,
      account_id     text,
      failures       integer not null,
      failures_max   integer not null,
      window_ends_at timestamptz not null
    );
    create index login_attempts_account on login_attempts (account_id) where account_id is not null;

    -- The id is the SHA-256 of the cookie's value.
    create table page_sessions (
      id            bytea primary key,
      account_id    text not null references accounts(id) on delete cascade,
      created_at    timestamptz not null default now(),
      last_seen_at  timestamptz not null default now(),
      expires_at    timestamptz not null,
      ip            text,
      user_agent    text
    );
    create index page_sessions_account on page_sessions (account_id);
    create index page_sessions_expiry on page_sessions (expires_at);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table page_sessions; drop table login_attempts; drop table accounts')
}
