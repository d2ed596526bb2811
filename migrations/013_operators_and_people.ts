import type { Knex } from 'knex'

/** What the pages, the operator API and personal access tokens keep. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table grants
      -- What the person calls this installation of a client.
      add column label text,
      add column redirect_host text,
      -- Written every few seconds, from memory: a hint for people, not evidence.
      add column last_used_at timestamptz;
    create index grants_created on grants (created_at, id);
    create index grants_last_used on grants (last_used_at, id);
    create index grants_personal_expiry on grants (expires_at) where client_id = 'personal-access-token';

    -- Which tools were called by a grant, written as last_used_at is.
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
      -- Empty where no tool was named.
      tool      text not null,
      decision  text not null,
      calls     bigint not null,
      primary key (hour, resource, tool, decision)
    );

    -- Who is signed in to the pages; the id is the SHA-256 of the cookie's value.
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
    create index oidc_payloads_session_account on oidc_payloads ((payload->>'accountId')) where model = 'Session';

    -- A personal access token is a grant that a person gave without a client; its values are rows of access_tokens.
    create table personal_access_tokens (
      grant_id      text primary key references grants(id) on delete cascade,
      name          text not null,
      -- read-only, write or custom.
      role          text not null,
      created_by    text not null,
      rotated_at    timestamptz,
      noticed_at    timestamptz,
      -- The newest User-Agent that it was used with.
      used_by       text
    );

    -- Without the id: a plan made while the table is empty could take such an index for a lookup by id.
    create index clients_created on clients (created_at);
    alter table metadata_documents add column created_at timestamptz not null default now();
    create index metadata_documents_created on metadata_documents (created_at) where metadata is not null;
    create table blocked_clients (
      client_id   text primary key,
      reason      text not null,
      blocked_by  text not null,
      blocked_at  timestamptz not null default now()
    );

    alter table operator_tokens
      add column scope text not null default 'operator:read operator:revoke',
      add column created_by text;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table operator_tokens drop column scope, drop column created_by;
    drop table blocked_clients; drop index clients_created;
    alter table metadata_documents drop column created_at; drop table personal_access_tokens;
    drop index oidc_payloads_session_account; drop table page_sessions;
    drop table usage_hours; drop table grant_tool_uses; drop index grants_personal_expiry;
    alter table grants drop column label, drop column redirect_host, drop column last_used_at;
  `)
}
