import { CodedError, errorCatalogue, type ErrorCode } from "../../../base/errors.ts";
import type { FilterPart, Scope } from "../../../model/data-filter.ts";
import { postgresKinds } from "../kinds.ts";
import type { Finding } from "../../../model/finding.ts";
import type { StreamRequest } from "../../source.ts";
import { readTables, type CatalogTable } from "./catalog-table.ts";
import { namesOf, quoteIdentifier, quotedNameOf } from "../names.ts";
import { selectTables } from "./scope-tables.ts";
import { readServerFacts, type ServerFacts } from "./server-facts.ts";
import { Session } from "../connection/session.ts";
import { nameOf, shapeOf, type TypeContext } from "./shape.ts";
import { readTypeContext } from "./type-context.ts";

const [oldestMajor = ""] = postgresKinds.postgres.majorVersions;
/** As `server_version_num`. */
const oldestVersion = Number(oldestMajor) * 10_000;

/** Checks everything that a stream needs. See `SourceEngine.check`. */
export async function checkSource(request: StreamRequest, signal: AbortSignal): Promise<readonly Finding[]> {
  try {
    await using session = await Session.open(request, signal);
    const facts = await readServerFacts(session, namesOf(request.integrationId, request.database).slot);
    const ofServer = serverFindings(facts, request.database);
    // The catalog of an older server lacks columns that the queries read.
    if (facts.version < oldestVersion) return ofServer;
    return [...ofServer, ...(await tableFindings(session, request))];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    const { code, message, fix = urlFix } = error;
    return [finding("blocks", code, { subject: "server", message, fix })];
  }
}

/** For errors whose code has no fix of its own: until a server has answered, they are about the URL. */
const urlFix = "Correct the source's `url` in the configuration.";

/** Throws the first blocking finding. */
export function assertServer(facts: ServerFacts, database: string): void {
  const blocking = serverFindings(facts, database).find(({ severity }) => severity === "blocks");
  if (blocking === undefined) return;
  const fix = blocking.fix === undefined ? "" : ` Fix: ${blocking.fix}`;
  throw new CodedError(blocking.code as ErrorCode, `${blocking.message}${fix}`);
}

interface Rule {
  readonly severity: "blocks" | "warns" | ((facts: ServerFacts) => "blocks" | "warns");
  readonly code: ErrorCode;
  readonly subject: string;
  readonly applies: (facts: ServerFacts) => boolean;
  readonly message: (facts: ServerFacts) => string;
  /** Default: the fix of the code. */
  readonly fix?: (facts: ServerFacts, database: string) => string;
  readonly fine: (facts: ServerFacts) => string;
}

/** Three that a stream keeps, two more while it copies, and one that checks what a copy waits for. */
const connectionsPerStream = 6;

/** One slot and one sender for the stream, and another of each while tables are copied. */
function lacksRoom(most: number, used: number, { hasSlot }: ServerFacts): boolean {
  return most - used < (hasSlot ? 1 : 2);
}

/** An existing stream needs no more until it copies. */
function ifNew({ hasSlot }: ServerFacts): "blocks" | "warns" {
  return hasSlot ? "warns" : "blocks";
}

const rules: readonly Rule[] = [
  {
    severity: "blocks",
    code: "SOURCE_VERSION",
    subject: "server",
    applies: ({ version }) => version < oldestVersion,
    message: ({ versionText }) => `The server is PostgreSQL ${versionText}, older than ${oldestMajor}.`,
    fine: ({ versionText }) => `The server is PostgreSQL ${versionText}.`,
  },
  {
    severity: "blocks",
    code: "SOURCE_READ_ONLY",
    subject: "server",
    applies: ({ isStandby }) => isStandby,
    message: () => "The server is a standby.",
    fine: () => "The server is a primary.",
  },
  {
    severity: "blocks",
    code: "WAL_LEVEL",
    subject: "wal_level",
    applies: ({ walLevel }) => walLevel !== "logical",
    message: ({ walLevel }) => `wal_level is ${walLevel}, but must be logical.`,
    fine: () => "wal_level is logical.",
  },
  {
    severity: ifNew,
    code: "REPLICATION_SLOTS",
    subject: "max_replication_slots",
    applies: (facts) => lacksRoom(facts.slotsMax, facts.slotsUsed, facts),
    message: ({ slotsMax, slotsUsed }) =>
      `${slotsUsed} of ${slotsMax} replication slots are in use, and a stream needs one, and another while it copies.`,
    fix: ({ slotsUsed }) =>
      `ALTER SYSTEM SET max_replication_slots = ${slotsUsed + 10}; then restart the source.`,
    fine: ({ slotsMax, slotsUsed }) => `${slotsUsed} of ${slotsMax} replication slots are in use.`,
  },
  {
    severity: ifNew,
    code: "WAL_SENDERS",
    subject: "max_wal_senders",
    applies: (facts) => lacksRoom(facts.sendersMax, facts.sendersUsed, facts),
    message: ({ sendersMax, sendersUsed }) =>
      `${sendersUsed} of ${sendersMax} WAL senders are in use, and a stream needs one, and another while it copies.`,
    fix: ({ sendersUsed }) =>
      `ALTER SYSTEM SET max_wal_senders = ${sendersUsed + 10}; then restart the source.`,
    fine: ({ sendersMax, sendersUsed }) => `${sendersUsed} of ${sendersMax} WAL senders are in use.`,
  },
  {
    severity: "warns",
    code: "SOURCE_CONNECTIONS",
    subject: "max_connections",
    applies: ({ connectionsMax, connectionsUsed }) => connectionsMax - connectionsUsed < connectionsPerStream,
    message: ({ connectionsMax, connectionsUsed }) =>
      `${connectionsUsed} of ${connectionsMax} connections to the server are in use, and a stream needs up to ${connectionsPerStream}.`,
    fix: ({ connectionsMax }) =>
      `ALTER SYSTEM SET max_connections = ${connectionsMax + 50}; then restart the source.`,
    fine: ({ connectionsMax, connectionsUsed }) =>
      `${connectionsUsed} of ${connectionsMax} connections to the server are in use.`,
  },
  {
    severity: "warns",
    code: "SOURCE_CONNECTIONS",
    subject: "connection limit",
    applies: ({ connectionLimit, connectionsOfUser }) =>
      connectionLimit >= 0 && connectionLimit - connectionsOfUser < connectionsPerStream,
    message: ({ user, connectionLimit, connectionsOfUser }) =>
      `User ${user} has ${connectionsOfUser} of at most ${connectionLimit} connections, and a stream needs up to ${connectionsPerStream}.`,
    fix: ({ user }) => `ALTER ROLE ${quoteIdentifier(user)} CONNECTION LIMIT -1;`,
    fine: ({ user }) => `The connection limit of user ${user} leaves room for a stream.`,
  },
  {
    severity: "blocks",
    code: "SOURCE_PRIVILEGE",
    subject: "replication privilege",
    applies: ({ mayReplicate }) => !mayReplicate,
    message: ({ user }) => `User ${user} may not replicate.`,
    fix: ({ user }) =>
      `ALTER ROLE ${quoteIdentifier(user)} REPLICATION; on Amazon RDS: GRANT rds_replication TO ${quoteIdentifier(user)};`,
    fine: ({ user }) => `User ${user} may replicate.`,
  },
  {
    severity: "blocks",
    code: "SOURCE_PRIVILEGE",
    subject: "publication privilege",
    applies: ({ mayCreate }) => !mayCreate,
    message: ({ user }) => `User ${user} may not create publications in the database.`,
    fix: ({ user }, database) =>
      `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(user)};`,
    fine: ({ user }) => `User ${user} may create publications.`,
  },
  {
    severity: "blocks",
    code: "SOURCE_ENCODING",
    subject: "encoding",
    applies: ({ encoding }) => encoding !== "UTF8",
    message: ({ encoding }) => `The encoding of the database is ${encoding}, but must be UTF8.`,
    fine: () => "The encoding of the database is UTF8.",
  },
  {
    severity: "warns",
    code: "WAL_KEEP_SIZE",
    subject: "max_slot_wal_keep_size",
    applies: ({ slotKeepMb }) => slotKeepMb >= 0 && slotKeepMb < slotKeepMbMin,
    message: ({ slotKeepMb }) =>
      `max_slot_wal_keep_size is ${slotKeepMb} MB: a stream that falls further behind must copy every table again.`,
    fine: ({ slotKeepMb }) =>
      slotKeepMb < 0
        ? "The source keeps WAL for as long as a stream needs it."
        : `The source keeps ${slotKeepMb} MB of WAL for a stream that falls behind.`,
  },
  {
    severity: "warns",
    code: "SYNCHRONOUS_STANDBYS",
    subject: "synchronous_standby_names",
    applies: ({ standbyNames }) => standbyNames.includes("*") || /\bzeroetl\b/i.test(standbyNames),
    message: ({ standbyNames }) =>
      `synchronous_standby_names is "${standbyNames}", which matches zeroetl: commits do not wait for it, but the moment in which it confirms a position can count as a standby's confirmation.`,
    fine: () => "No synchronous standby is called zeroetl.",
  },
];

/** A lower limit is soon reached while the service is down, or while a table is copied. */
const slotKeepMbMin = 10 * 1024;

export function serverFindings(facts: ServerFacts, database: string): readonly Finding[] {
  return rules.map((rule) => {
    const { code, subject } = rule;
    if (!rule.applies(facts)) return finding("fine", code, { subject, message: rule.fine(facts) });
    const fix = rule.fix?.(facts, database);
    const severity = typeof rule.severity === "function" ? rule.severity(facts) : rule.severity;
    return finding(severity, code, {
      subject,
      message: rule.message(facts),
      ...(fix !== undefined && { fix }),
    });
  });
}

async function tableFindings(session: Session, request: StreamRequest): Promise<readonly Finding[]> {
  const { publication } = namesOf(request.integrationId, request.database);
  const tables = await readTables(session, { publication });
  const selected = [...selectTables(tables, request.scope, request.database).values()];
  const context = await readTypeContext(session, selected);
  const missing = await missingFindings(session, request, [...tables.values()]);
  const owners = await readOwners(session, selected);
  const found = selected.map((table) => tableFinding(table, context, owners.get(table.oid)));
  if (selected.length === 0 && missing.length === 0)
    found.push(
      finding("warns", "TABLE_MISSING", {
        subject: "data filter",
        message: `The data filter selects no table of database ${request.database}.`,
      }),
    );
  return [...missing, ...found];
}

interface Owner {
  readonly owner: string;
  readonly isSuperuser: boolean;
  /** The user who asks. */
  readonly user: string;
}

/** For tables that our user does not own, by oid. */
async function readOwners(
  session: Session,
  tables: readonly CatalogTable[],
): Promise<ReadonlyMap<number, Owner>> {
  const oids = tables.filter(({ isOwned }) => !isOwned).map(({ oid }) => oid);
  const rows = await session.rows<Owner & { readonly oid: string }>(
    `SELECT c.oid::bigint, r.rolname AS owner, r.rolsuper AS "isSuperuser", current_user AS "user"
     FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(rows.map((row) => [Number(row.oid), row]));
}

function tableFinding(table: CatalogTable, context: TypeContext, owner: Owner | undefined): Finding {
  const subject = nameOf(table);
  const result = shapeOf(table, context);
  if (result.kind === "shape")
    return finding("fine", "TABLE_WITHOUT_KEY", { subject, message: `Table ${subject} can be replicated.` });
  const { code, message, fix = privilegeFix(table, code, owner) } = result.reason;
  return finding("warns", code as ErrorCode, { subject, message, ...(fix !== undefined && { fix }) });
}

function privilegeFix(table: CatalogTable, code: string, owner: Owner | undefined): string | undefined {
  if (code !== "TABLE_PRIVILEGE" || owner === undefined) return undefined;
  const grant = `GRANT ${quoteIdentifier(owner.owner)} TO ${quoteIdentifier(owner.user)};`;
  if (!owner.isSuperuser) return grant;
  return `${grant} but as ${owner.owner} is a superuser, better ALTER TABLE ${quotedNameOf(table)} OWNER TO another role, and grant that.`;
}

/** Tables that the filter names literally but that do not exist, or cannot be replicated. */
async function missingFindings(
  session: Session,
  { scope, database }: StreamRequest,
  tables: readonly CatalogTable[],
): Promise<readonly Finding[]> {
  const names = literalTables(scope, database).filter(
    (name) => !tables.some(({ schema, name: table }) => schema === name.schema && table === name.table),
  );
  const findings: Finding[] = [];
  for (const name of names) {
    const [found] = await session.rows<{ kind: string }>(
      `SELECT c.relkind::text AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = $2`,
      [name.schema, name.table],
    );
    const subject = `${name.schema}.${name.table}`;
    const what = found === undefined ? undefined : (relationKinds[found.kind] ?? "not a table");
    findings.push(
      what === undefined
        ? finding("warns", "TABLE_MISSING", { subject, message: `Table ${subject} does not exist.` })
        : finding("warns", "TABLE_UNSUPPORTED", {
            subject,
            message: `${subject} is ${what}, which has no changes to replicate.`,
          }),
    );
  }
  return findings;
}

const relationKinds: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialized view",
  f: "a foreign table",
  r: "a temporary table",
  i: "an index",
  S: "a sequence",
};

function literalTables(scope: Scope, database: string): { schema: string; table: string }[] {
  return scope.clauses.flatMap(({ include, parts: [of, schema, table] }) =>
    include && isLiteral(of) && of.name === database && isLiteral(schema) && isLiteral(table)
      ? [{ schema: schema.name, table: table.name }]
      : [],
  );
}

function isLiteral(part: FilterPart | undefined): part is FilterPart & { kind: "literal" } {
  return part?.kind === "literal";
}

function finding(
  severity: Finding["severity"],
  code: ErrorCode,
  said: { readonly subject: string; readonly message: string; readonly fix?: string },
): Finding {
  if (severity === "fine") return { severity, code, ...said };
  return { severity, code, fix: errorCatalogue[code].fix, ...said };
}
