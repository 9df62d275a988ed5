import { present } from "../../../src/base/assert.ts";
import type { Patch, RowsStep } from "../../../src/model/replication/delta.ts";
import { ValueError, type Relation, type TableDefinition } from "../../../src/model/replication/relation.ts";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { TupleRun } from "../../../src/model/replication/tuple.ts";
import { decodedRows } from "../../support/pg-decoded.ts";
import type { Row } from "./state.ts";

/** The rows of a table after a step. Throws `TableError` for a value that cannot be decoded. */
export function changedRows(before: readonly Row[], step: RowsStep): readonly Row[] {
  const { relation, deletes, inserts, patches, moves } = step;
  const rows = new RowsByIdentity(relation, before);
  const read = (runs: readonly TupleRun[]): Row[] => decoded(relation, runs);
  const moved = moves.flatMap((move) => {
    const origins = read(move.keys).map((key) => rows.get(key));
    return read(move.tuples).map((row, index) => completed(row, move, origins[index] ?? []));
  });
  for (const row of read(deletes)) rows.take(row);
  for (const patch of patches)
    for (const row of read(patch.tuples)) rows.put(completed(row, patch, rows.take(row)));
  for (const row of [...read(inserts), ...moved]) rows.put(row);
  return rows.all();
}

class RowsByIdentity {
  readonly #columns: readonly number[];
  /** Equal rows of a table without a key share an entry. */
  readonly #rows = new Map<string, Row[]>();

  constructor({ identity, columns }: Relation, rows: readonly Row[]) {
    this.#columns = identity.kind === "key" ? identity.columns : [...columns.keys()];
    for (const row of rows) this.put(row);
  }

  get(row: Row): Row {
    return present(this.#rows.get(this.#identity(row))?.[0], "a row that changes is held");
  }

  take(row: Row): Row {
    const identity = this.#identity(row);
    const [taken, ...others] = this.#rows.get(identity) ?? [];
    if (others.length === 0) this.#rows.delete(identity);
    else this.#rows.set(identity, others);
    return present(taken, "a row that changes is held");
  }

  put(row: Row): void {
    const identity = this.#identity(row);
    const equal = this.#rows.get(identity);
    if (equal === undefined) this.#rows.set(identity, [row]);
    else equal.push(row);
  }

  all(): Row[] {
    return [...this.#rows.values()].flat();
  }

  #identity(row: Row): string {
    return JSON.stringify(this.#columns.map((column) => row[column]));
  }
}

function completed(row: Row, { unchanged }: Patch, held: Row): Row {
  return row.map((value, column) => (unchanged.includes(column) ? (held[column] ?? null) : value));
}

function decoded(relation: Relation, runs: readonly TupleRun[]): Row[] {
  return reading(relation, () => runs.flatMap((run) => decodedRows(run, relation.columns)));
}

/** Decodes values of a table. Throws `TableError` where a value cannot be decoded. */
export function reading<T>(table: TableDefinition, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new TableError({ code: "VALUE_OUT_OF_RANGE", table, message: cause.message, cause });
  }
}
