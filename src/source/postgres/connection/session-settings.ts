import { CodedError } from "../../../base/errors.ts";

/**
 * How long the server may work on a statement. Copies and comparisons of tables lift this limit for their transactions.
 */
export const statementTimeoutMs = 60_000;

/**
 * Settings of every session, because the configuration of the server, the database or the role could set them to a
 * value that changes the meaning of statements, the form of values, or the lifetime of a session. Values as
 * `pg_settings` shows them. PostgreSQL 14 has all of these, so they can be part of the startup packet, where they take
 * effect before the first statement.
 */
const startup = {
  // Functions and operators of users stay out of our statements.
  search_path: "pg_catalog",
  row_security: "off",
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  xmloption: "content",
  quote_all_identifiers: "off",
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  statement_timeout: String(statementTimeoutMs),
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  default_transaction_read_only: "off",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  // A change of the publication does not wait for standbys, but is on disk before tables are copied.
  synchronous_commit: "local",
  client_min_messages: "error",
  exit_on_error: "off",
  // The estimated cost of reading a large catalog is above jit_above_cost; compiling takes many times as long as
  // running.
  jit: "off",
  wal_sender_timeout: "60000",
} as const;

/** Some servers do not have these, and some only from a later version on. */
const afterwards = {
  transaction_timeout: "0",
  tcp_user_timeout: "0",
  plan_cache_mode: "auto",
  debug_parallel_query: "off",
  force_parallel_mode: "off",
  client_encoding: "UTF8",
} as const;

/** The `options` of the startup packet. */
export function startupOptions(ofUrl: string | undefined, hasTransactionTimeout: boolean): string {
  const { transaction_timeout } = afterwards;
  const settings = hasTransactionTimeout ? { ...startup, transaction_timeout } : startup;
  const ours = Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(" ", String.raw`\ `)}`,
  );
  return [ofUrl, ...ours].filter(Boolean).join(" ");
}

const wanted = Object.entries({ ...startup, ...afterwards })
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(", ");

/** Settings that differ from ours; planner settings of a role or database count as differing from the server's own. */
const differing = `
  SELECT s.name, s.setting, coalesce(w.value, s.boot_val) AS wanted
  FROM pg_settings s LEFT JOIN (VALUES ${wanted}) AS w(name, value) ON w.name = s.name
  WHERE s.setting IS DISTINCT FROM coalesce(w.value, s.boot_val)
    AND (w.name IS NOT NULL OR (s.category LIKE 'Query Tuning%' AND s.context = 'user'
      AND s.source IN ('database', 'user', 'database user')))`;

/**
 * Sets what the startup packet could not, or what a proxy dropped from it, and returns the names of the settings. The
 * first two statements are cheap, because the rest may take longer than a session survives under its role's timeout.
 */
export const pinSql = `SET search_path = pg_catalog;
SELECT pg_backend_pid() AS pid, CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
  THEN set_config('transaction_timeout', '0', false) END;
SELECT name, set_config(name, wanted, false) FROM (${differing}) AS s`;

export const unpinnedSql = differing;

export interface Unpinned {
  readonly name: string;
  readonly setting: string;
  readonly wanted: string;
}

/** Throws if settings did not keep their values. */
export function assertPinned(rows: readonly Unpinned[]): void {
  const [first] = rows;
  if (first === undefined) return;
  const { name, setting, wanted: value } = first;
  throw new CodedError(
    "SOURCE_PROXY",
    `A session does not keep its settings: ${name} is "${setting}" although it was set to "${value}".`,
  );
}
