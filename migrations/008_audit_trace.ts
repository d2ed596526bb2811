import type { Knex } from 'knex'

/** Finding the events of one attempt by its id, and of one client. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index audit_events_request on audit_events (request_id);
    create index audit_events_client on audit_events (client_id, occurred_at)
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index audit_events_client; drop index audit_events_request')
}
