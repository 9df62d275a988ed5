import { CodedError, type ErrorCode } from "../../base/errors.ts";
import type { TableDefinition } from "./relation.ts";

/**
 * One table cannot be replicated any more; the others can. The stream is opened again without it, from the
 * checkpoint, after the target has recorded the failure.
 */
export class TableError extends Error {
  override name = "TableError";
  readonly code: ErrorCode;
  readonly table: TableDefinition;
  /** What brings the table back, where that is not what the catalogue says of the code. */
  readonly fix: string | undefined;

  constructor(failure: TableFailure) {
    super(failure.message, { cause: failure.cause });
    this.code = failure.code;
    this.table = failure.table;
    this.fix = failure.fix;
  }
}

interface TableFailure {
  readonly code: ErrorCode;
  readonly table: TableDefinition;
  readonly message: string;
  readonly fix?: string;
  readonly cause?: unknown;
}

/** The stream has failed while it wrote a table, whose fault that may be or not: it is tried again, but not for ever. */
export class SuspectError extends CodedError {
  override name = "SuspectError";
  readonly table: TableDefinition;

  constructor({ code, message, cause }: CodedError, table: TableDefinition) {
    super(code, message, { cause });
    this.table = table;
  }
}
