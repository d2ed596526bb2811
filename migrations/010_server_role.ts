import type { Knex } from 'knex'

/**
 * For a server whose role does not own the tables: it may have partitions made, and nothing else that only an owner
 * can do. The functions below run with the rights of the owner, so they find their tables by a fixed path, with
 * temporary ones last, and nobody may call them who was not allowed to.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$ begin
      execute format('alter function toolgate_create_audit_partitions(integer)
                      security definer set search_path = %I, pg_temp', current_schema());
    end $$;
    revoke all on function toolgate_create_audit_partitions(integer) from public;
    revoke all on function toolgate_protect_audit_table(regclass) from public;
    revoke all on function toolgate_refuse_audit_change() from public
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    grant execute on function toolgate_refuse_audit_change() to public;
    grant execute on function toolgate_protect_audit_table(regclass) to public;
    grant execute on function toolgate_create_audit_partitions(integer) to public;
    alter function toolgate_create_audit_partitions(integer) security invoker reset search_path
  `)
}
