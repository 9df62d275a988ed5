import { assert } from "../../../src/base/assert.ts";
import type { Patch, RowsStep } from "../../../src/model/replication/delta.ts";
import { ValueError, type Relation, type TableDefinition } from "../../../src/model/replication/relation.ts";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { TupleRun } from "../../../src/model/replication/tuple.ts";
import { decodedRows } from "../../support/pg-decoded.ts";
import type { Row } from "./state.ts";

/** The rows of a table after a step. Throws `TableError` for a value that cannot be decoded. */
export function changedRows(before: readonly Row[], step: RowsStep): readonly Row[] {
  const { relation, deletes, inserts, patches, moves } = step;
  const rows = new RowsByIdentity(step, before);
  const read = (runs: readonly TupleRun[]): Row[] => decoded(relation, runs);
  const moved = moves.flatMap((move) => {
    const origins = read(move.keys).map((key) => rows.get(key));
    return read(move.tuples).flatMap((row, index) => completed(row, move, origins[index]));
  });
  for (const row of read(deletes)) rows.take(row);
  for (const patch of patches)
    for (const row of read(patch.tuples))
      for (const whole of completed(row, patch, rows.take(row))) rows.put(whole);
  for (const row of [...read(inserts), ...moved]) rows.put(row);
  return rows.all();
}

class RowsByIdentity {
  readonly #columns: readonly number[];
  /** Equal rows of a table without a key share an entry. */
  readonly #rows = new Map<string, Row[]>();
  readonly #isRepeated: boolean;

  constructor({ relation, isRepeated }: RowsStep, rows: readonly Row[]) {
    const { identity, columns } = relation;
    this.#isRepeated = isRepeated;
    this.#columns = identity.kind === "key" ? identity.columns : [...columns.keys()];
    for (const row of rows) this.put(row);
  }

  get(row: Row): Row | undefined {
    return this.#known(this.#rows.get(this.#identity(row))?.[0]);
  }

  take(row: Row): Row | undefined {
    const identity = this.#identity(row);
    const [taken, ...others] = this.#rows.get(identity) ?? [];
    if (others.length === 0) this.#rows.delete(identity);
    else this.#rows.set(identity, others);
    return this.#known(taken);
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

  #known(row: Row | undefined): Row | undefined {
    assert(row !== undefined || this.#isRepeated, "a row that changes is held");
    return row;
  }

  #identity(row: Row): string {
    return JSON.stringify(this.#columns.map((column) => row[column]));
  }
}

/** No row if none is held. */
function completed(row: Row, { unchanged }: Patch, held: Row | undefined): Row[] {
  if (held === undefined) return [];
  return [row.map((value, column) => (unchanged.includes(column) ? (held[column] ?? null) : value))];
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
