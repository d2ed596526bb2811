import type { Knex } from 'knex'

/** Ids of reports that were taken, so that each is taken once however often it is sent. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table resource_server_reports (
      resource_server_id  text not null references resource_servers(id) on delete cascade,
      id                  uuid not null,
      taken_at            timestamptz not null default now(),
      primary key (resource_server_id, id)
    );
    create index resource_server_reports_taken on resource_server_reports (taken_at);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table resource_server_reports')
}
