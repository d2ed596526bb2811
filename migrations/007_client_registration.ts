import type { Knex } from 'knex'

/** How a client came to be known, whether it was ever used, and what makes two registrations the same. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table clients
      add column origin text not null default 'registration' check (origin in ('registration', 'operator')),
      add column metadata_digest bytea,
      add column used_at timestamptz;
    create index clients_same_registration on clients (metadata_digest, created_at) where metadata_digest is not null;
    create index clients_never_used on clients (created_at) where used_at is null;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index clients_never_used;
    drop index clients_same_registration;
    alter table clients drop column used_at, drop column metadata_digest, drop column origin
  `)
}
