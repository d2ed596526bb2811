import type { Knex } from 'knex'

const MONTHS_AHEAD = 12

/**
 * Creates the partitions of this month and of the months ahead; answers how many are new. Months and their bounds are
 * in UTC, whatever the session's time zone and style of dates. A month whose events already lie in the default
 * partition stays there (toolgate_settle_audit_default moves them). Attaching, unlike creating in place, does not
 * lock out writers of other partitions.
 */
const CREATE = `
  create function toolgate_create_audit_partitions(months_ahead integer) returns integer language plpgsql
  set timezone to 'UTC' set datestyle to 'ISO' as $$
  declare
    this_month constant timestamptz := date_trunc('month', now());
    starts_at timestamptz;
    ends_at timestamptz;
    partition_name text;
    created integer := 0;
  begin
    if months_ahead is null or months_ahead not between 0 and 120 then
      raise exception 'partitions are made 0 to 120 months ahead' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('toolgate_create_audit_partitions'));
    for month in 0..months_ahead loop
      starts_at := this_month + make_interval(months => month);
      ends_at := this_month + make_interval(months => month + 1);
      partition_name := 'audit_events_' || to_char(starts_at, 'YYYY_MM');
      continue when to_regclass(partition_name) is not null;
      continue when exists (
        select from audit_events_default where occurred_at >= starts_at and occurred_at < ends_at);
      execute format('create table %I (like audit_events including defaults including constraints)', partition_name);
      perform toolgate_protect_audit_table(partition_name::regclass);
      execute format('alter table audit_events attach partition %I for values from (%L) to (%L)',
                     partition_name, starts_at, ends_at);
      created := created + 1;
    end loop;
    return created;
  end $$;
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
  set timezone to 'UTC' set datestyle to 'ISO' set lock_timeout to '300ms' as $$
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
    perform toolgate_create_audit_default();
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

/** Takes page ranges that were filled since into audit_events_any_id; answers how many. */
const SUMMARISE = `
  create function toolgate_summarise_audit_ids() returns bigint language sql as $$
    select coalesce(sum(brin_summarize_new_values(child.inhrelid::regclass)), 0)::bigint
    from pg_inherits child where child.inhparent = 'audit_events_any_id'::regclass
  $$;
`

/**
 * A server whose role does not own the tables may have these things done, and nothing else that only an owner can do. The
 * functions run with the rights of the owner, so they find their tables by a fixed path, with temporary ones last, and
 * no one may call them who was not allowed to.
 */
const RIGHTS = `
  do $$
  declare
    called regprocedure;
  begin
    foreach called in array array['toolgate_create_audit_partitions(integer)', 'toolgate_settle_audit_default()',
                                  'toolgate_summarise_audit_ids()']::regprocedure[] loop
      execute format('alter function %s security definer set search_path = %I, pg_temp', called, current_schema());
      execute format('revoke all on function %s from public', called);
    end loop;
  end $$;
`

export async function up(knex: Knex): Promise<void> {
  await knex.raw(CREATE)
  await knex.raw(LIST)
  await knex.raw(SETTLE)
  await knex.raw(SUMMARISE)
  await knex.raw(RIGHTS)
  await knex.raw('select toolgate_create_audit_partitions(?)', [MONTHS_AHEAD])
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function toolgate_summarise_audit_ids();
    drop function toolgate_settle_audit_default();
    drop function toolgate_audit_partitions();
    drop function toolgate_create_audit_partitions(integer)
  `)
}
