import type { Knex } from 'knex'

/** The catalogue is kept as versions of one document: a version never changes, the newest is in force. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table catalogue_versions (
      version     bigint generated always as identity primary key,
      document    jsonb not null,
      digest      text not null,
      applied_by  text not null,
      applied_at  timestamptz not null default now()
    )
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table catalogue_versions')
}
