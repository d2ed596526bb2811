import type { Knex } from 'knex'

/**
 * Who writes or wrote chains, and what was signed about them. Neither table is evidence: that is in the chains and in
 * the checkpoints that left the database. But a writer that could be deleted here would be left out of the next one.
 */
const WRITERS = `
  create table audit_writers (
    writer_id   uuid primary key,
    process     text not null,
    started_at  timestamptz not null default now(),
    stopped_at  timestamptz,
    closed_at   timestamptz,
    closed_by   uuid,
    closed_seq  bigint,
    check ((closed_at is null) = (closed_by is null) and (closed_at is null) = (closed_seq is null))
  );
  -- The chains whose end nobody vouches for yet; few, however many there were.
  create index audit_writers_not_over on audit_writers (started_at) where closed_at is null or stopped_at is null;
  create index audit_writers_closed on audit_writers (closed_at);

  -- Once there, a writer stays; once ended, it has ended; and no witness ever vouches for less.
  create function toolgate_guard_audit_writer() returns trigger language plpgsql as $$
  begin
    if (new.writer_id, new.process, new.started_at) is distinct from (old.writer_id, old.process, old.started_at)
       or (old.stopped_at is not null and new.stopped_at is distinct from old.stopped_at)
       or (old.closed_at is not null and (new.closed_at is null or new.closed_seq < old.closed_seq)) then
      raise exception 'audit_writers keeps what it was told: update refused' using errcode = 'insufficient_privilege';
    end if;
    return new;
  end $$;
  create trigger audit_writers_guard before update on audit_writers
    for each row execute function toolgate_guard_audit_writer();
  create trigger audit_writers_append_only before delete or truncate on audit_writers
    for each statement execute function toolgate_refuse_audit_change();
  alter table audit_writers enable always trigger audit_writers_guard;
  alter table audit_writers enable always trigger audit_writers_append_only;
`

const CHECKPOINTS = `
  create table audit_checkpoints (
    id          bigint generated always as identity primary key,
    created_at  timestamptz(3) not null,
    digest      bytea not null unique check (octet_length(digest) = 32),
    jws         text not null
  );
  create table audit_checkpoint_heads (
    writer_id      uuid not null,
    seq            bigint not null,
    checkpoint_id  bigint not null references audit_checkpoints,
    primary key (writer_id, seq)
  );
  select toolgate_protect_audit_table('audit_checkpoints');
  select toolgate_protect_audit_table('audit_checkpoint_heads');
`

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

export async function up(knex: Knex): Promise<void> {
  await knex.raw(WRITERS)
  await knex.raw(CHECKPOINTS)
  await knex.raw(CLOSINGS)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table audit_closings;
    drop table audit_checkpoint_heads;
    drop table audit_checkpoints;
    drop table audit_writers;
    drop function toolgate_guard_audit_writer()
  `)
}
