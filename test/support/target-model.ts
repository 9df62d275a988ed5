import { assert, present } from "../../src/base/assert.ts";
import type { TableEvent } from "../../src/model/replication/block.ts";
import type { DeltaStep, Patch, RowsStep } from "../../src/model/replication/delta.ts";
import type { ColumnChange } from "../../src/model/replication/column-change.ts";
import type { LogicalType } from "../../src/model/replication/logical-type.ts";
import type { Column, Relation, TableName } from "../../src/model/replication/relation.ts";
import type { TupleRun } from "../../src/model/replication/tuple.ts";
import type { TablePhase } from "../../src/model/replication/table-state.ts";
import { cellsOf, unchanged, type Cell } from "./plain-tuples.ts";

export type Row = readonly Cell[];

/** What readers see of a table. `rows` is the array of the table itself unless a new copy is being made. */
interface Shown {
  readonly name: TableName;
  columns: readonly Column[];
  rows: Row[];
}

export interface ModelTable {
  readonly id: string;
  relation: Relation;
  phase: TablePhase["kind"];
  rows: Row[];
  shown: Shown | undefined;
}

/**
 * What a target must do, in the plainest way: tables as arrays. Throws where a step breaks the contract of `RowsStep`.
 * Reads tuples as `cellsOf` does.
 */
export class TargetModel {
  readonly tables = new Map<string, ModelTable>();

  clone(): TargetModel {
    const copy = new TargetModel();
    for (const [id, table] of this.tables) {
      const rows = [...table.rows];
      const shown = table.shown && {
        ...table.shown,
        rows: table.shown.rows === table.rows ? rows : [...table.shown.rows],
      };
      copy.tables.set(id, { ...table, rows, shown });
    }
    return copy;
  }

  table(id: string): ModelTable {
    return present(this.tables.get(id), "the table is known");
  }

  apply(step: DeltaStep): void {
    if (step.kind === "rows") this.#rows(step);
    else this.#event(step.event);
  }

  #event(event: TableEvent): void {
    const { relation } = event;
    const table = this.tables.get(relation.id);
    switch (event.kind) {
      case "copy-started": {
        const { relation: started } = event;
        this.tables.set(started.id, {
          id: started.id,
          relation: started,
          phase: "copying",
          rows: [],
          shown: table?.shown,
        });
        return;
      }
      case "copy-resumed":
      case "copied-part":
        assert(this.table(relation.id).phase === "copying", "the table is being copied");
        return;
      case "copy-finished":
        this.table(relation.id).phase = "copied";
        return;
      case "revealed":
        this.#show(this.table(relation.id));
        return;
      case "altered":
        this.#alter(this.table(relation.id), event);
        return;
      case "truncated":
        this.table(relation.id).rows.length = 0;
        return;
      case "dropped":
        Object.assign(this.table(relation.id), { phase: "deleted", shown: undefined, rows: [] });
        return;
      case "failed": {
        const failed = this.table(relation.id);
        failed.phase = "failed";
        if (failed.shown?.rows !== failed.rows) failed.rows = [];
        return;
      }
    }
  }

  #rows({ relation, deletes, inserts, patches, moves }: RowsStep): void {
    const table = this.table(relation.id);
    assert(table.relation === relation, "rows have the shape that their table has");
    const rows = new HeldRows(table);
    const cells = (runs: readonly TupleRun[]): Row[] => cellsOf(relation, runs);
    const moved = moves.map((move) => {
      const origins = cells(move.keys).map((key) => rows.at(key));
      const sent = cells(move.tuples);
      assert(sent.length === origins.length, "each row that moves has an old key");
      return {
        origins,
        rows: sent.map((row, index) => completed(row, { patch: move, held: origins[index] })),
      };
    });
    for (const row of cells(deletes)) rows.take(row);
    for (const origin of moved.flatMap(({ origins }) => origins))
      assert(!rows.has(origin), "the old version of a row that moves is deleted");
    for (const patch of patches)
      for (const row of cells(patch.tuples)) rows.put(completed(row, { patch, held: rows.take(row) }));
    for (const row of [...cells(inserts), ...moved.flatMap(({ rows }) => rows)]) rows.put(row);
  }

  #show(table: ModelTable): void {
    const { name, columns } = table.relation;
    for (const other of this.tables.values())
      if (other !== table && other.shown !== undefined && sameName(other.shown.name, name))
        other.shown = undefined;
    table.phase = "synced";
    table.shown = { name, columns, rows: table.rows };
  }

  #alter(table: ModelTable, { relation, changes }: Extract<TableEvent, { kind: "altered" }>): void {
    let columns: { column: Column; cells: Cell[] }[] = table.relation.columns.map((column, index) => ({
      column,
      cells: table.rows.map((row) => row[index] ?? null),
    }));
    const old = [...columns];
    for (const change of changes)
      if (change.kind === "added")
        columns.push({
          column: change.column,
          cells: table.rows.map(() =>
            change.fill === null ? null : filled(change.column.type, change.fill),
          ),
        });
      else if (change.kind === "dropped")
        columns = columns.filter((each) => each !== old.find(({ column }) => column.name === change.name));
      else if (change.kind === "retyped")
        columns = columns.map((each) =>
          each.column.id === change.column.id
            ? { ...each, cells: each.cells.map((cell) => retyped(change, cell)) }
            : each,
        );
    const rows = table.rows.map((_, row) =>
      relation.columns.map(({ id }) => {
        const source = present(
          columns.find(({ column }) => column.id === id),
          "columns keep their ids",
        );
        return source.cells[row] ?? null;
      }),
    );
    const shared = table.shown?.rows === table.rows;
    table.relation = relation;
    table.rows = rows;
    if (shared && table.shown !== undefined) Object.assign(table.shown, { columns: relation.columns, rows });
    if (table.phase === "synced") this.#show(table);
  }
}

/** The rows of a table, changed in place, because readers may see them. */
class HeldRows {
  readonly #rows: Row[];
  readonly #isKeyed: boolean;
  readonly #columns: readonly number[];

  constructor({ rows, relation: { identity, columns } }: ModelTable) {
    this.#rows = rows;
    this.#isKeyed = identity.kind === "key";
    this.#columns = identity.kind === "key" ? identity.columns : [...columns.keys()];
  }

  has(row: Row): boolean {
    return this.#find(row) >= 0;
  }

  at(row: Row): Row {
    return present(this.#rows[this.#find(row)], "a row that changes is at the target");
  }

  take(row: Row): Row {
    const taken = this.at(row);
    this.#rows.splice(this.#rows.indexOf(taken), 1);
    return taken;
  }

  put(row: Row): void {
    assert(!row.includes(unchanged), "a row has all its columns in the end");
    assert(!this.#isKeyed || !this.has(row), "no two rows have the same key");
    this.#rows.push(row);
  }

  #find(row: Row): number {
    return this.#rows.findIndex((other) =>
      this.#columns.every((column) => Object.is(other[column], row[column])),
    );
  }
}

/** The row with the columns that were not sent as the target holds them. */
function completed(row: Row, { patch, held }: { patch: Patch; held: Row | undefined }): Row {
  return row.map((cell, column) => (patch.unchanged.includes(column) ? (held?.[column] ?? null) : cell));
}

/** A field of plain-tuples.ts: a text, a float or a whole number. */
function filled(type: LogicalType, field: Uint8Array): Cell {
  const bytes = Buffer.from(field);
  if (type.kind === "text" || type.kind === "json") return bytes.toString();
  if (type.kind === "float64") return bytes.readDoubleLE();
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.reverse().toString("hex")}`));
}

function retyped({ column, from }: Extract<ColumnChange, { kind: "retyped" }>, cell: Cell): Cell {
  if (cell === null || column.type.kind !== "text" || from.type.kind === "text") return cell;
  return printed(from.type, cell);
}

function sameName(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.table === b.table;
}

/** As a warehouse prints whole numbers, decimals, texts, and short floats without a needless `.0`. */
export function printed(type: LogicalType, cell: Cell): string | null {
  if (cell === null) return null;
  if (Object.is(cell, -0)) return "-0";
  if (type.kind !== "decimal") return String(cell);
  const digits = String(cell)
    .replace("-", "")
    .padStart(type.scale + 1, "0");
  const sign = String(cell).startsWith("-") ? "-" : "";
  return `${sign}${digits.slice(0, -type.scale)}.${digits.slice(-type.scale)}`;
}
