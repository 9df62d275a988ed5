/**
 * Every error code that a user can encounter, in one table: `Errors` of an integration, findings of a preflight, table
 * failures and messages of the command line all use these. docs/generated/errors.md is generated from it. Codes are
 * stable: a code may be added, never renamed or reused.
 *
 * `retry`: whether retrying without a person's help can succeed. `fix`: undefined where only the message can say it.
 */
export const errorCatalogue = {
  SOURCE_UNREACHABLE: {
    retry: true,
    fix: "Check host, port and firewall of the source's `url`, and that the server runs.",
  },
  SOURCE_CONNECTIONS: {
    retry: true,
    fix: "Raise the limit that the message names, or close unused connections to the source.",
  },
  SOURCE_PROXY: {
    retry: true,
    fix: "Name the server itself in the source's `url`: replication does not go through a connection pooler.",
  },
  SOURCE_FAILED: {
    retry: true,
    fix: "See the message and the source's log; zeroetl retries automatically.",
  },
  SOURCE_AUTHENTICATION: {
    retry: true,
    fix: "Correct user or password in the source's `url`, or the server's pg_hba.conf.",
  },
  SOURCE_DATABASE_MISSING: {
    retry: true,
    fix: "Create the database, or change the data filter to one that exists.",
  },
  SOURCE_PRIVILEGE: { retry: true, fix: "Grant what the message names to the user of the source's `url`." },
  SOURCE_VERSION: {
    retry: false,
    fix: "Upgrade the source to a supported version: `aws rds describe-db-engine-versions` lists them.",
  },
  SOURCE_ENCODING: { retry: false, fix: "Use a source database with encoding UTF8." },
  STREAM_OVERDUE: {
    retry: true,
    fix: "End long-running transactions at the source, and see the service's log; zeroetl retries automatically.",
  },
  SOURCE_READ_ONLY: { retry: true, fix: "Point the source's `url` at the primary server." },
  SOURCE_STALLED: {
    retry: true,
    fix: "Remove the cause that the message gives; replication resumes automatically.",
  },
  SOURCE_TRANSACTION_OPEN: {
    retry: true,
    fix: "End the transaction that the message names; copying resumes automatically.",
  },
  SOURCE_REPLACED: {
    retry: false,
    fix: "The source is a different server, or was restored to an earlier time: delete the integration and create it again.",
  },
  SOURCE_PROTOCOL: {
    retry: true,
    fix: "This is a bug in zeroetl or in a proxy between it and the source: connect without the proxy and report it.",
  },
  WAL_LEVEL: { retry: true, fix: "ALTER SYSTEM SET wal_level = logical; then restart the source." },
  REPLICATION_SLOTS: {
    retry: true,
    fix: "Raise max_replication_slots on the source and restart it, or drop unused slots.",
  },
  WAL_SENDERS: { retry: true, fix: "Raise max_wal_senders on the source and restart it." },
  WAL_KEEP_SIZE: {
    retry: true,
    fix: "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();",
  },
  SYNCHRONOUS_STANDBYS: {
    retry: true,
    fix: "ALTER SYSTEM SET synchronous_standby_names = '…'; with the application_name of each standby, as in pg_stat_replication; SELECT pg_reload_conf();",
  },
  SLOT_IN_USE: { retry: true, fix: "Stop the other process that reads this integration's slot." },
  SLOT_LOST: {
    retry: true,
    fix: "No action is needed: every table is being copied again. To prevent this, raise max_slot_wal_keep_size.",
  },
  PUBLICATION: {
    retry: true,
    fix: "Restore the integration's publication, or delete the integration and create it again.",
  },
  TABLE_WITHOUT_KEY: { retry: false, fix: "Add a primary key, or exclude the table in the data filter." },
  TABLE_UNSUPPORTED_TYPE: {
    retry: false,
    fix: "Exclude the table in the data filter, or change the column's type.",
  },
  TABLE_UNSUPPORTED: {
    retry: false,
    fix: "Remove what the message names, or exclude the table in the data filter.",
  },
  TABLE_PRIVILEGE: {
    retry: false,
    fix: "Grant the role that owns the table to the user of the source's `url`, which includes SELECT.",
  },
  TABLE_ROW_SECURITY: {
    retry: false,
    fix: "Give the user of the source's `url` BYPASSRLS, or exclude the table.",
  },
  TABLE_MISSING: { retry: false, fix: "Create the table, or change the data filter." },
  TABLE_NOT_PUBLISHED: {
    retry: false,
    fix: "Add the table to the integration's publication again, or exclude it in the data filter.",
  },
  TABLE_UNREADABLE: {
    retry: false,
    fix: "Check the source's log for messages about the table; then alter or truncate the table, or exclude it.",
  },
  VALUE_OUT_OF_RANGE: {
    retry: false,
    fix: "Change the column's type; or change the value, remove the table from the data filter and add it again; or exclude the table.",
  },
  ROW_TOO_LARGE: {
    retry: false,
    fix: "Raise `memory` of the target in the configuration file and restart; then remove the table from the data filter and add it again. Or exclude the table.",
  },
  TARGET_DISK_FULL: {
    retry: true,
    fix: "Free disk space under data_dir; replication resumes automatically.",
  },
  TARGET_OUT_OF_MEMORY: {
    retry: true,
    fix: "Raise `memory` of the target in the configuration file and restart the service.",
  },
  TARGET_LOCKED: { retry: true, fix: "Stop the other process that has the warehouse file open." },
  TARGET_FENCED: { retry: false, fix: "Another process replicates into this database: stop one of them." },
  TARGET_NOT_COMPARABLE: {
    retry: false,
    fix: "Compare row counts, or sums of columns, with queries of both sides.",
  },
  TARGET_FAILED: { retry: true, fix: "See the message; zeroetl retries automatically." },
  KMS_KEY_NOT_ACCESSIBLE: {
    retry: true,
    fix: "Enable or restore the key, and let zeroetl use it; replication resumes automatically.",
  },
  DATABASE_NAME_TAKEN: {
    retry: false,
    fix: "Choose another name with the tag zeroetl:database, or delete the other integration.",
  },
  TARGET_AMBIGUOUS: { retry: false, fix: "Name one of them with --target." },
  TARGET_NOT_FOUND: { retry: false, fix: "List the targets with `zeroetl status --json`." },
  DATABASE_NOT_FOUND: { retry: false, fix: "List the databases with `zeroetl status`." },
  DATABASE_IN_USE: { retry: false, fix: "Delete the integration first." },
  SOURCE_NOT_AUTHORIZED: {
    retry: true,
    fix: "Allow redshift.amazonaws.com the action redshift:AuthorizeInboundIntegration for the source with PutResourcePolicy, or delete the integration: until then, the source retains WAL for it.",
  },
  INVALID_DATA_FILTER: { retry: false, fix: "Correct the data filter with ModifyIntegration." },
  DATA_DIRECTORY_LOCKED: { retry: false, fix: "Stop the other zeroetl process, or use another --data-dir." },
  CATALOG_LOCKED: {
    retry: false,
    fix: "Stop the other service, or configure a separate `catalog` for this one.",
  },
  CATALOG_FAILED: {
    retry: true,
    fix: "Check the `catalog` URL and its server, or the permissions and free space of data_dir.",
  },
  CONFIGURATION_MISSING: {
    retry: false,
    fix: 'Create one as the README shows under "With your own database", or name another with --config.',
  },
  CONFIGURATION: { retry: false, fix: undefined },
  DATA_DIRECTORY: {
    retry: false,
    fix: "Let the user that zeroetl runs as read and write there, or choose another directory with --data-dir.",
  },
  PORT_IN_USE: { retry: false, fix: "Stop the program that listens there, or change `listen.api`." },
  DEMO_SERVER: {
    retry: false,
    fix: "Use a PostgreSQL of your own: `zeroetl check`, then `zeroetl serve`.",
  },
  DEMO_SERVICE: {
    retry: false,
    fix: "Run it again with --debug, which shows the service's log.",
  },
  SERVICE_NOT_RUNNING: { retry: false, fix: "Start it with `zeroetl serve`." },
  INTEGRATION_NOT_FOUND: { retry: false, fix: "List the integrations with `zeroetl status`." },
  KEY_NOT_FOUND: { retry: false, fix: "List the access keys with `zeroetl keys list`." },
  KEY_CONFIGURED: { retry: false, fix: "Change it in the configuration file and restart the service." },
  INVALID_POLICY: { retry: false, fix: "Correct the policy." },
  USAGE: { retry: false, fix: "See --help." },
  QUERY_FAILED: { retry: false, fix: undefined },
  QUERY_TIMEOUT: {
    retry: false,
    fix: "Select less data, or raise `queries.timeout_seconds` in the configuration file.",
  },
  QUERY_MEMORY: {
    retry: false,
    fix: "Select less data at a time, or raise the target's `memory` in the configuration file.",
  },
  QUERY_DISK: {
    retry: false,
    fix: "Select less data at a time, or free disk space under data_dir and restart the service.",
  },
  QUERY_BUSY: {
    retry: true,
    fix: "Try again when other queries have finished, or raise `queries.concurrent` and `queries.per_key` in the configuration file.",
  },
  REQUEST_REFUSED: { retry: false, fix: undefined },
} as const satisfies Record<string, { readonly retry: boolean; readonly fix: string | undefined }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error that a user can correct. `message` is one sentence and never contains a secret or a cell's value. */
export class CodedError extends Error {
  override name = "CodedError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get retry(): boolean {
    return errorCatalogue[this.code].retry;
  }

  get fix(): string | undefined {
    return errorCatalogue[this.code].fix;
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * For an error that is kept: releases what was in use where it was thrown, such as a batch of rows. V8 keeps the
 * functions of a stack trace, with everything that they reference, until the trace is first read.
 */
export function releaseFrames(error: unknown): void {
  for (let each = error; each instanceof Error; each = each.cause) void each.stack;
}

/** What is wrong and what to do, as two sentences. A fix that the message already contains is not repeated. */
export function withFix(message: string, fix: string | undefined): string {
  if (fix === undefined || message.includes(fix)) return message;
  return `${/[.!?;:]$/.test(message) ? message : `${message}.`} ${fix}`;
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}

/** The catalogue's fix for a code, if the code is in the catalogue. */
export function fixOf(code: string): string | undefined {
  return isErrorCode(code) ? errorCatalogue[code].fix : undefined;
}
