import { present } from "../../src/base/assert.ts";
import type { TableEvent } from "../../src/model/replication/block.ts";
import type { ColumnChange } from "../../src/model/replication/column-change.ts";
import type { DeltaStep, Move, Patch } from "../../src/model/replication/delta.ts";
import type { LogicalType } from "../../src/model/replication/logical-type.ts";
import { asPosition } from "../../src/model/replication/position.ts";
import type { Column, Relation, TableName } from "../../src/model/replication/relation.ts";
import { encoded, plainColumn, unchanged, type Cell } from "./plain-tuples.ts";
import { randomFrom } from "./random.ts";
import { TargetModel, type ModelTable, type Row } from "./target-model.ts";
import { eventStep, moveOf, patchOf, rowsStep } from "./test-warehouse.ts";

const types: readonly LogicalType[] = [
  { kind: "int32" },
  { kind: "int64" },
  { kind: "text" },
  { kind: "json" },
  { kind: "decimal", precision: 10, scale: 2 },
  { kind: "float64" },
];
const floats = [0, -0, 0.5];
const names = ["orders", 'or"ders', "ta ble", "select", "ü", "a.b"];
const schemas = ["public", 'S"x'];

/** Every name that a table of these changes can have. */
export const tableNames: readonly TableName[] = schemas.flatMap((schema) =>
  names.map((table) => ({ schema, table })),
);

/** A row, and what is sent of its new version. */
interface Update {
  readonly row: Row;
  readonly sent: Row;
}

/** Makes steps that a source could send, and does the same to a model. */
export class Changes {
  readonly #random: () => number;
  model = new TargetModel();
  #made = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return present(from[this.below(from.length)], "there is something to pick");
  }

  step(): DeltaStep {
    const table = this.#table();
    if (table.phase === "failed" || table.phase === "deleted")
      return this.#event({ kind: "copy-started", relation: this.#relation(table.id) });
    return this.#eventFor(table) ?? (table.phase === "copying" ? this.#inserts(table) : this.#rows(table));
  }

  #eventFor(table: ModelTable): DeltaStep | undefined {
    const { relation, phase } = table;
    const chance = this.below(40);
    if (phase === "copied" && chance < 16) return this.#event({ kind: "revealed", relation });
    if (phase === "copying")
      return chance < 12
        ? this.#event({ kind: "copy-finished", relation, position: asPosition("copied") })
        : undefined;
    const reason = { code: "TABLE_MISSING", message: "gone" };
    const events: Record<number, () => DeltaStep> = {
      16: () => this.#altered(table, []),
      17: () => this.#altered(table, []),
      18: () => this.#altered(table, this.#columnChanges(table)),
      19: () => this.#altered(table, this.#columnChanges(table)),
      20: () => this.#altered(table, this.#columnChanges(table)),
      21: () => this.#altered(table, this.#columnChanges(table)),
      22: () => this.#event({ kind: "truncated", relation }),
      23: () => this.#event({ kind: "dropped", relation }),
      24: () => this.#event({ kind: "failed", relation, reason }),
      25: () => this.#event({ kind: "copy-started", relation: this.#relation(table.id) }),
    };
    return events[chance]?.();
  }

  #table(): ModelTable {
    const { tables } = this.model;
    if (tables.size < 4 && this.below(4) < 2 / (1 + tables.size)) {
      const id = `t${tables.size + 1}`;
      const relation = this.#relation(id);
      return { id, relation, phase: "deleted", rows: [], shown: undefined };
    }
    return tables.size === 0 ? this.#table() : this.pick([...tables.values()]);
  }

  #event(event: TableEvent): DeltaStep {
    return this.#applied(eventStep(event));
  }

  #applied(step: DeltaStep): DeltaStep {
    this.model.apply(step);
    return step;
  }

  #relation(id: string): Relation {
    const keyed = this.below(3) > 0;
    const columns = Array.from({ length: 2 + this.below(4) }, (_, index) =>
      index === 0 ? plainColumn(1, "id", { kind: "int64" }) : this.#column(),
    );
    return {
      id,
      name: { schema: this.pick(schemas), table: this.pick(names) },
      columns,
      identity: keyed ? { kind: "key", columns: [0] } : { kind: "row" },
    };
  }

  #column(): Column {
    this.#made += 1;
    return plainColumn(1 + this.#made, `c"${this.#made}`, this.pick(types));
  }

  #cell(type: LogicalType): null | string | bigint | number {
    if (this.below(5) === 0) return null;
    if (type.kind === "text") return "x".repeat(this.below(30)) + String(this.below(9));
    if (type.kind === "float64") return this.pick(floats);
    if (type.kind === "json") return `{"a":  ${this.below(9)}}`;
    return BigInt(this.below(2000) - 1000);
  }

  #row({ columns, identity }: Relation): Row {
    this.#made += 1;
    // Tables without a key hold equal rows too.
    const id = identity.kind === "key" ? this.#made : this.below(3);
    return columns.map(({ type }, index) =>
      index === 0 ? BigInt(id) : identity.kind === "row" && this.below(2) === 0 ? null : this.#cell(type),
    );
  }

  #inserts(table: ModelTable): DeltaStep {
    const inserts = Array.from({ length: 1 + this.below(20) }, () => this.#row(table.relation));
    return this.#applied(rowsStep(table.relation, { inserts }));
  }

  #rows(table: ModelTable): DeltaStep {
    const { relation, rows } = table;
    const inserts = Array.from({ length: this.below(6) }, () => this.#row(relation));
    const deletes = rows.filter(() => this.below(6) === 0);
    if (relation.identity.kind === "row") return this.#applied(rowsStep(relation, { deletes, inserts }));
    const changed = rows.filter((row) => !deletes.includes(row) && this.below(4) === 0);
    // Keys that are given up go to other rows, so that rows follow one another, trade places, or take those of deleted ones.
    const leaving = changed.filter(() => this.below(2) === 0);
    const free = [...deletes, ...inserts, ...leaving].map(idOf);
    const updates = changed.map((row): Update => {
      const id = leaving.includes(row) ? this.#taken(free) : idOf(row);
      return { row, sent: this.#row(relation).with(0, id) };
    });
    const fresh = inserts.map((row) => row.with(0, this.#taken(free)));
    const whole = updates.filter(() => this.below(3) === 0);
    const partial = updates.filter((update) => !whole.includes(update));
    const { patches, moves, moved } = this.#partial(relation, partial);
    const gone = [...deletes, ...[...whole, ...moved].map(({ row }) => row)];
    const written = [...fresh, ...whole.map(({ sent }) => sent)];
    return this.#applied(rowsStep(relation, { deletes: gone.map(keyOf), inserts: written, patches, moves }));
  }

  #taken(ids: Cell[]): Cell {
    return present(ids.splice(this.below(ids.length), 1)[0], "as many keys are free as rows need");
  }

  /** Rows that keep some of their columns, in two groups with different columns. */
  #partial(relation: Relation, updates: readonly Update[]) {
    const patches: Patch[] = [];
    const moves: Move[] = [];
    const others = [...relation.columns.keys()].slice(1);
    for (const half of [0, 1]) {
      const some = others.filter(() => this.below(2) === 0);
      const kept = some.length === 0 ? others : some;
      const group = updates
        .filter((_, index) => index % 2 === half)
        .map(({ row, sent }) => ({
          row,
          sent: sent.map((cell, index) => (kept.includes(index) ? unchanged : cell)),
        }));
      const staying = group.filter((update) => !isMove(update));
      const moving = group.filter(isMove);
      if (staying.length > 0)
        patches.push(
          patchOf(
            relation,
            staying.map(({ sent }) => sent),
          ),
        );
      if (moving.length > 0)
        moves.push(
          moveOf(
            relation,
            moving.map(({ row, sent }) => ({ key: keyOf(row), row: sent })),
          ),
        );
    }
    return { patches, moves, moved: updates.filter(isMove) };
  }

  #altered(table: ModelTable, changes: readonly ColumnChange[]): DeltaStep {
    let columns = [...table.relation.columns];
    for (const change of changes) {
      if (change.kind === "added") columns.push(change.column);
      if (change.kind === "dropped") columns = columns.filter(({ name }) => name !== change.name);
      if (change.kind === "retyped")
        columns = columns.map((old) => (old.id === change.column.id ? change.column : old));
    }
    const renames = new Map(
      changes.flatMap((change) => (change.kind === "renamed" ? [[change.from, change.to]] : [])),
    );
    columns = columns.map((column) => {
      const to = renames.get(column.name);
      return to === undefined ? column : plainColumn(column.id, to, column.type);
    });
    const moved = changes.length === 0 || this.below(6) === 0;
    const name = moved ? { schema: this.pick(schemas), table: this.pick(names) } : table.relation.name;
    return this.#event({ kind: "altered", relation: { ...table.relation, name, columns }, changes });
  }

  #columnChanges({ relation }: ModelTable): ColumnChange[] {
    const [, first, second] = relation.columns;
    const kind = this.below(5);
    if (kind === 0 && first !== undefined && relation.columns.length > 2)
      return [{ kind: "dropped", name: first.name }];
    if (kind === 1 && first !== undefined)
      return [{ kind: "renamed", from: first.name, to: `r${this.#made++}` }];
    if (kind === 2 && first !== undefined && second !== undefined)
      return [
        { kind: "renamed", from: first.name, to: second.name },
        { kind: "renamed", from: second.name, to: first.name },
      ];
    // Warehouses do not agree on the text of a float.
    if (kind === 3 && first !== undefined && first.type.kind !== "float64")
      return [{ kind: "retyped", column: plainColumn(first.id, first.name, { kind: "text" }), from: first }];
    const column = this.#column();
    // DuckDB does not read it as JSON, and so does not add a column with this default.
    const isOdd = column.type.kind === "json" && this.below(2) === 0;
    const cell = isOdd ? String.raw`"\ud800"` : this.#cell(column.type);
    return [{ kind: "added", column, fill: cell === null ? null : encoded(column.type, cell) }];
  }
}

function keyOf(row: Row): Row {
  return row.map((cell, index) => (index === 0 ? cell : null));
}

function idOf([id = null]: Row): Cell {
  return id;
}

function isMove({ row, sent }: Update): boolean {
  return idOf(row) !== idOf(sent);
}
