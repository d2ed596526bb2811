import type { Knex } from 'knex'

/** What is left of the months that retention dropped: one document each, which tells verification where to go on. */
const CLOSINGS = `
  create table audit_closings (
    number      integer primary key check (number > 0),
    partition   text not null,
    part        integer not null check (part > 0),
    starts_at   timestamptz not null,
    ends_at     timestamptz not null,
    rows        bigint not null,
    -- Text, because jsonb rewrites what it is given and the digest covers the text.
    document    text not null,
    sha256      bytea not null check (octet_length(sha256) = 32),
    jws         text not null,
    created_at  timestamptz not null default now(),
    unique (partition, part)
  );
  select toolgate_protect_audit_table('audit_closings');
`

/** Bounds are text in the catalogue of Postgres, written by the settings of whoever asks; here they are always these. */
const LIST = `
  create function toolgate_audit_partitions()
  returns table (name text, starts_at timestamptz, ends_at timestamptz, rows_estimated bigint, bytes bigint)
  language sql stable set timezone to 'UTC' set datestyle to 'ISO' as $$
    select child.relname::text, bound[1]::timestamptz, bound[2]::timestamptz,
           greatest(child.reltuples::bigint, activity.n_live_tup, 0), pg_total_relation_size(child.oid)
    from pg_inherits
    join pg_class child on child.oid = inhrelid
    left join pg_stat_all_tables activity on activity.relid = child.oid
    left join lateral regexp_match(pg_get_expr(child.relpartbound, child.oid),
                                   'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') bound on true
    where inhparent = 'audit_events'::regclass
  $$;
`

/**
 * Moves the rows of the default partition into partitions of their months; answers how many. No trigger is switched
 * off and no row deleted: the rows are copied, and the table that is dropped is the one that held them all. Writers
 * wait only if they write to the default partition, and all of them for the moment of the exchange.
 */
const SETTLE = `
  create function toolgate_settle_audit_default() returns bigint language plpgsql
  security definer set timezone to 'UTC' set datestyle to 'ISO'
  set lock_timeout to '300ms' as $$
  declare
    starts_at timestamptz;
    months timestamptz[];
    partition_name text;
    copied bigint;
    moved bigint := 0;
    present bigint;
  begin
    perform pg_advisory_xact_lock(hashtext('toolgate_create_audit_partitions'));
    if not exists (select from audit_events_default) then return 0; end if;
    lock table audit_events_default in share row exclusive mode;
    select array_agg(distinct date_trunc('month', occurred_at)), count(*) into months, present
      from audit_events_default;
    foreach starts_at in array months loop
      partition_name := 'audit_events_' || to_char(starts_at, 'YYYY_MM');
      execute format('create table %I (like audit_events including defaults including constraints including indexes,
                      constraint month check (occurred_at >= %L and occurred_at < %L))',
                     partition_name, starts_at, starts_at + interval '1 month');
      perform toolgate_protect_audit_table(partition_name::regclass);
      execute format('insert into %I select * from audit_events_default where occurred_at >= $1 and occurred_at < $2',
                     partition_name) using starts_at, starts_at + interval '1 month';
      get diagnostics copied = row_count;
      moved := moved + copied;
    end loop;
    if moved <> present then
      raise exception 'the default partition holds % rows, of which % have a month', present, moved;
    end if;
    lock table only audit_events in access exclusive mode;
    drop table audit_events_default;
    create table audit_events_default partition of audit_events default;
    perform toolgate_protect_audit_table('audit_events_default');
    foreach starts_at in array months loop
      partition_name := 'audit_events_' || to_char(starts_at, 'YYYY_MM');
      execute format('alter table audit_events attach partition %I for values from (%L) to (%L)',
                     partition_name, starts_at, starts_at + interval '1 month');
      -- It spared a look at every row while the others waited; now the bounds say the same.
      execute format('alter table %I drop constraint month', partition_name);
    end loop;
    return moved;
  end $$;
`

/** By a fixed path, with temporary tables last, and for nobody who was not allowed to. */
const SETTLE_SAFELY = `
  do $$ begin
    execute format('alter function toolgate_settle_audit_default() set search_path = %I, pg_temp', current_schema());
  end $$;
  revoke all on function toolgate_settle_audit_default() from public;
`

export async function up(knex: Knex): Promise<void> {
  await knex.raw(CLOSINGS)
  await knex.raw(LIST)
  await knex.raw(SETTLE)
  await knex.raw(SETTLE_SAFELY)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function toolgate_settle_audit_default();
    drop function toolgate_audit_partitions();
    drop table audit_closings
  `)
}
