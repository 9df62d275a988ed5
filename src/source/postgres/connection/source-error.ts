import pg from "pg";
import { CodedError, type ErrorCode, messageOf } from "../../../base/errors.ts";
import { WireError } from "../../../wire/postgres/bytes.ts";
import { quoteIdentifier } from "../names.ts";

/** SQLSTATEs of PostgreSQL, Appendix A, and their meaning for a source wherever they occur. */
const meanings: Readonly<Record<string, ErrorCode>> = {
  "28000": "SOURCE_AUTHENTICATION",
  "28P01": "SOURCE_AUTHENTICATION",
  "3D000": "SOURCE_DATABASE_MISSING",
  "42501": "SOURCE_PRIVILEGE",
  "25006": "SOURCE_READ_ONLY",
  "53300": "SOURCE_CONNECTIONS",
  "53400": "REPLICATION_SLOTS",
  "55006": "SLOT_IN_USE",
  "57P01": "SOURCE_UNREACHABLE",
  "57P02": "SOURCE_UNREACHABLE",
  "57P03": "SOURCE_UNREACHABLE",
};

/** A connection that ended without a reason, or before it answered. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}

/** The SQLSTATE of an error that the server sent, or of one derived from it. */
export function sqlStateOf(error: unknown): string | undefined {
  const said = error instanceof CodedError ? error.cause : error;
  return said instanceof pg.DatabaseError ? said.code : undefined;
}

/**
 * The meaning of a failed conversation with the source. Returns errors of our own unchanged. `special`: SQLSTATEs with
 * another meaning in this conversation.
 */
export function sourceError(error: unknown, special: Readonly<Record<string, ErrorCode>> = {}): unknown {
  const state = sqlStateOf(error);
  const said = error instanceof CodedError ? error.cause : error;
  if (state !== undefined && special[state] !== undefined)
    return coded(special[state], "The source refused", said);
  if (error instanceof CodedError) return error;
  if (state !== undefined) return coded(meaningOf(state, messageOf(error)), "The source refused", error);
  if (error instanceof WireError) return coded("SOURCE_PROTOCOL", "The source sent unexpected data", error);
  return error instanceof ConnectionLost || isNetworkError(error)
    ? coded("SOURCE_UNREACHABLE", "The connection to the source failed", error)
    : error;
}

/** The server's text decides if one SQLSTATE has several causes; names of settings are the same in every language. */
function meaningOf(state: string, text: string): ErrorCode {
  if (proxyForms.test(text)) return "SOURCE_PROXY";
  if (state === "53300" && text.includes("max_wal_senders")) return "WAL_SENDERS";
  if (text.includes("temp_file_limit")) return "SOURCE_FAILED";
  return meanings[state] ?? "SOURCE_FAILED";
}

/** Messages of poolers, which PostgreSQL itself does not send. */
const proxyForms = /pgbouncer|unsupported startup parameter/i;

function coded(code: ErrorCode, what: string, cause: unknown): CodedError {
  return new CodedError(code, `${what}: ${reasonOf(cause).replace(/\.$/, "")}.`, { cause });
}

/** Several addresses of one host fail as one error without a message. */
function reasonOf(error: unknown): string {
  const reason = error instanceof AggregateError ? error.errors.map(messageOf).join(", ") : messageOf(error);
  for (const [form, hint] of hints) {
    const match = form.exec(reason);
    if (match !== null) return `${reason.replace(/\.$/, "")}; ${hint(match)}`;
  }
  return reason;
}

/** What to do if the server's text shows it. */
const hints: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  // TLS is requested only in the URL.
  [/no encryption$/, () => "the server may want TLS: add ?sslmode=verify-full to the source's `url`"],
  [
    /self-signed certificate|unable to (get|verify)/,
    () => "name the file of the server's CA in the source's `url`: sslmode=verify-full&sslrootcert=FILE",
  ],
  [
    /^too many connections for (role|database) "(.*)"$/,
    ([, kind = "", name = ""]) =>
      `raise its limit: ALTER ${kind.toUpperCase()} ${quoteIdentifier(name)} CONNECTION LIMIT -1;`,
  ],
];

/** Errors of sockets, name resolution and TLS have a Node.js code; our own bugs have none. */
function isNetworkError(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
