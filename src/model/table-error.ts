import type { ErrorCode } from "../base/errors.ts";
import type { TableDefinition } from "./relation.ts";

/**
 * One table cannot be replicated any more; the others can. The stream is opened again without it, from the
 * checkpoint, after the target has recorded the failure.
 */
export class TableError extends Error {
  override name = "TableError";
  readonly code: ErrorCode;
  readonly table: TableDefinition;

  constructor(failure: { code: ErrorCode; table: TableDefinition; message: string; cause?: unknown }) {
    super(failure.message, { cause: failure.cause });
    this.code = failure.code;
    this.table = failure.table;
  }
}
