import { CodedError, type ErrorCode } from "../../base/errors.ts";
import type { TableDefinition } from "./relation.ts";

/**
 * One table can no longer be replicated; the others can. The stream is reopened without it, from the checkpoint, after
 * the target has recorded the failure.
 */
export class TableError extends Error {
  override name = "TableError";
  readonly code: ErrorCode;
  readonly table: TableDefinition;
  /** How to bring the table back, where that differs from the catalogue's fix for the code. */
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

/** The stream failed while it wrote a table, which may or may not be the cause: it is retried, but not forever. */
export class SuspectError extends CodedError {
  override name = "SuspectError";
  readonly table: TableDefinition;

  constructor({ code, message, cause }: CodedError, table: TableDefinition) {
    super(code, message, { cause });
    this.table = table;
  }
}
