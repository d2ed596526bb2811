import type { Knex } from 'knex'

/**
 * What clients publish about themselves, as last good copies that all instances share: client ID metadata documents
 * and the key sets at a jwks_uri. With each, what came of asking again.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table metadata_documents (
      client_id   text primary key,
      metadata    jsonb,
      -- Changes when redirect hosts, keys or the way of authentication change.
      identity    text,
      fetched_at  timestamptz,
      fresh_until timestamptz not null default now(),
      failure     text,
      -- A definite refusal (404, another client's document …): the copy no longer opens new authorizations.
      refused     boolean not null default false
    );
    create index metadata_documents_freshness on metadata_documents (fresh_until);

    create table client_key_sets (
      jwks_uri     text primary key,
      keys         jsonb,
      fetched_at   timestamptz,
      fresh_until  timestamptz not null default now(),
      -- Earlier than this it is not fetched again, whatever key is asked for.
      ask_again_at timestamptz not null,
      failure      text
    );
    create index client_key_sets_freshness on client_key_sets (fresh_until);

    -- The identity of the client's metadata document when the person consented.
    alter table grants add column client_identity text;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table grants drop column client_identity; drop table client_key_sets; drop table metadata_documents
  `)
}
