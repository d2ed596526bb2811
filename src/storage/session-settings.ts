/**
 * What every connection says before its first statement. Said after connecting and not in the startup packet: a pooler in
 * between may drop or refuse what stands there, and the settings of roles and databases would count instead of ours.
 */

/** Whatever a role, a database or a server is set to: these would change what bytes mean, or what a commit is worth. */
const MEANING: Record<string, string> = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
}

/** What a lookup by key costs is its planning. A plan made while a table was small would read all of it long after it grew. */
export const PLANNED_ONCE = {
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
}

/** An answer leaves when its record is durable: a commit waits for the disk here, whatever else it waits for. */
const DURABLE =
  "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"

/** One text of several statements: one round trip. */
export function sessionSettings(more: Record<string, string | number> = {}): string {
  const settings = Object.entries({ ...MEANING, ...more }).map(([name, value]) => `set ${name} = '${value}'`)
  return [...settings, DURABLE].join('; ')
}
