import type { Knex } from 'knex'

/** Client ID metadata documents: the last good copy of each, shared by all instances, and what came of asking again. */
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
    alter table grants add column client_identity text;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table grants drop column client_identity; drop table metadata_documents')
}
