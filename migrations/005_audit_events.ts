import type { Knex } from 'knex'

/**
 * Append-only by trigger, on the parent and on every partition: a statement that names a partition does not
 * fire the parent's triggers. `enable always` because session_replication_role would switch off the others.
 */
const PROTECTION = `
  create function toolgate_refuse_audit_change() returns trigger language plpgsql as $$
  begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
  end $$;

  create function toolgate_protect_audit_table(target regclass) returns void language plpgsql as $$
  begin
    execute format('create trigger audit_append_only before update or delete or truncate on %s
                    for each statement execute function toolgate_refuse_audit_change()', target);
    execute format('alter table %s enable always trigger audit_append_only', target);
  end $$;

  -- Where no month's partition exists events are still taken: a late maintenance job must not stop the service.
  create function toolgate_create_audit_default() returns void language plpgsql as $$
  begin
    create table audit_events_default partition of audit_events default;
    perform toolgate_protect_audit_table('audit_events_default');
  end $$;

  revoke all on function toolgate_refuse_audit_change() from public;
  revoke all on function toolgate_protect_audit_table(regclass) from public;
  revoke all on function toolgate_create_audit_default() from public;
`

const TABLE = `
  create table audit_events (
    occurred_at  timestamptz(3) not null,
    writer_id    uuid not null,
    seq          bigint not null check (seq > 0),
    id           uuid not null,
    type         text not null,
    actor_kind   text not null,
    actor_id     text,
    account_id   text,
    client_id    text,
    resource     text,
    tool         text,
    decision     text,
    scope        text,
    grant_id     text,
    token_id     text,
    request_id   text,
    -- Text, because inet rewrites what it is given and the hash covers the text.
    ip           text,
    detail       jsonb,
    prev_hash    bytea not null check (octet_length(prev_hash) = 32),
    hash         bytea not null check (octet_length(hash) = 32),
    primary key (writer_id, seq, occurred_at)
  ) partition by range (occurred_at);
  select toolgate_create_audit_default();
  select toolgate_protect_audit_table('audit_events');
`

/**
 * Nearly every row is a decision about a tool call, what came of it, or a plain introspection, so those types pay for few indexes:
 * by time, by account, by tool. All other events are rare and can be found by whatever they name. Any row at all is
 * found by its random id, or by that of its request, through Bloom filters over ranges of pages, which cost a
 * fraction of the space and of the insert that a b-tree over random values does.
 */
const INDEXES = `
  create index audit_events_occurred on audit_events (occurred_at);
  create index audit_events_account on audit_events (account_id, occurred_at);
  create index audit_events_tool on audit_events (tool, occurred_at) where tool is not null;

  -- What a client was refused just now, for the consent page: every other decision pays nothing for it.
  create index audit_events_denied on audit_events (account_id, occurred_at)
    where type = 'tool.decided' and decision = 'denied';

  create index audit_events_rare_type on audit_events (type, occurred_at)
    where type not in ('tool.completed', 'tool.decided', 'token.introspected');
  create index audit_events_rare_request on audit_events (request_id, occurred_at)
    where type not in ('tool.completed', 'tool.decided', 'token.introspected');
  create index audit_events_rare_grant on audit_events (grant_id, occurred_at)
    where type not in ('tool.completed', 'tool.decided', 'token.introspected');
  create index audit_events_rare_client on audit_events (client_id, occurred_at)
    where type not in ('tool.completed', 'tool.decided', 'token.introspected');
  create index audit_events_rare_token on audit_events (token_id)
    where type not in ('tool.completed', 'tool.decided', 'token.introspected');
  -- Where a refresh token came from; where it went is the next event of its grant.
  create index audit_events_refresh_token on audit_events ((detail->>'refresh_token_id'))
    where type in ('token.issued', 'token.refreshed');

  create index audit_events_any_id on audit_events using brin (
    id uuid_bloom_ops (n_distinct_per_range = 600), request_id text_bloom_ops (n_distinct_per_range = 600)
  ) with (pages_per_range = 32, autosummarize = on);
`

export async function up(knex: Knex): Promise<void> {
  await knex.raw(PROTECTION)
  await knex.raw(TABLE)
  await knex.raw(INDEXES)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table audit_events;
    drop function toolgate_create_audit_default();
    drop function toolgate_protect_audit_table(regclass);
    drop function toolgate_refuse_audit_change()
  `)
}
