import { CodedError, messageOf } from "../../../base/errors.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import { SuspectError, TableError } from "../../../model/replication/table-error.ts";

/** DuckDB's error if `errors_as_json` is on. */
export interface DuckFailure {
  /** DuckDB's kind of exception, such as `IO` or `Conversion`. */
  readonly type: string;
  readonly message: string;
}

/** Undefined for anything that is not an error of DuckDB. */
export function duckFailure(error: unknown): DuckFailure | undefined {
  const text = messageOf(error);
  const start = text.indexOf("{");
  if (start < 0 || !text.endsWith("}")) return undefined;
  try {
    const parsed = JSON.parse(text.slice(start)) as Record<string, unknown>;
    const { exception_type: type, exception_message: message } = parsed;
    return typeof type === "string" && typeof message === "string" ? { type, message } : undefined;
  } catch {
    return undefined;
  }
}

// DuckDB passes on the kernel's reason only in the C library's words (ENOSPC, EFBIG, EDQUOT), and its own limit of
// temporary space by the name of the setting.
const diskFull = /No space left on device|File too large|Disk quota exceeded|max_temp_directory_size/;

/** Kinds of errors about values; their messages may contain values, so they are not passed on. */
const aboutValues = new Set(["Conversion", "Out of Range", "Constraint", "Invalid Input", "Invalid Type"]);

/** Also the reason of a failed commit. */
const outOfMemory = /^Out of Memory|failed to (pin|allocate)|could not allocate/i;

export function isDiskFull({ message }: DuckFailure): boolean {
  return diskFull.test(message);
}

export function isOutOfMemory({ type, message }: DuckFailure): boolean {
  return type === "Out of Memory" || outOfMemory.test(message);
}

/**
 * Converts the error of a writing statement to the errors that callers of a target expect. `table`: the table whose
 * values it concerned.
 */
export function writeFailure(error: unknown, table?: TableDefinition): Error {
  if (error instanceof CodedError || error instanceof TableError) return error;
  const failure = duckFailure(error);
  if (failure === undefined) return error instanceof Error ? error : new Error(String(error));
  if (isDiskFull(failure)) return new CodedError("TARGET_DISK_FULL", "The warehouse has no disk space left.");
  if (!aboutValues.has(failure.type)) {
    const coded = isOutOfMemory(failure)
      ? new CodedError("TARGET_OUT_OF_MEMORY", "The warehouse has too little memory.", { cause: error })
      : new CodedError("TARGET_FAILED", `DuckDB: ${failure.type}: ${firstLine(failure.message)}`);
    return table === undefined || isDead(error) || isInvalidated(error)
      ? coded
      : new SuspectError(coded, table);
  }
  const message = `DuckDB cannot hold a value (${failure.type}).`;
  return table === undefined
    ? new CodedError("TARGET_FAILED", message)
    : new TableError({ code: "VALUE_OUT_OF_RANGE", table, message });
}

/** DuckDB has closed the database until it is attached again (a checkpoint could not be written). */
export function isInvalidated(error: unknown): boolean {
  return duckFailure(error)?.message.includes("has been invalidated") ?? false;
}

/** DuckDB has hit an internal error, and refuses everything until it is restarted. */
export function isDead(error: unknown): boolean {
  return duckFailure(error)?.type === "FATAL";
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
