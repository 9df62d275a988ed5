import { isDeepStrictEqual } from "node:util";
import { assert, present, unreachable } from "../../../src/base/assert.ts";
import type { TableEvent } from "../../../src/model/replication/block.ts";
import type { DeltaStep, RowsStep } from "../../../src/model/replication/delta.ts";
import { definitionOf, ValueError, type TableDefinition } from "../../../src/model/replication/relation.ts";
import type { TablePhase } from "../../../src/model/replication/table-state.ts";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { TupleRun } from "../../../src/model/replication/tuple.ts";
import { decodedField, decodedRows } from "../../support/pg-decoded.ts";
import type { Row, Shown, Table, Tables } from "./state.ts";

/** The tables after a step. Throws `TableError` for a value that cannot be decoded. */
export function applied(tables: Tables, step: DeltaStep): Tables {
  const { relation } = step.kind === "rows" ? step : step.event;
  try {
    return step.kind === "rows"
      ? replaced(tables, relation, changedRows(replicated(tables, relation).rows, step))
      : afterEvent(tables, step.event);
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new TableError({ code: "VALUE_OUT_OF_RANGE", table: relation, message: cause.message, cause });
  }
}

function changedRows(
  before: readonly Row[],
  { relation, deletes, inserts, patches, moves, isRepeated }: RowsStep,
): Row[] {
  const { columns, identity } = relation;
  const key = identity.kind === "key" ? identity.columns : [...columns.keys()];
  const rows = [...before];
  const read = (runs: readonly TupleRun[]): Row[] => runs.flatMap((run) => decodedRows(run, columns));
  const find = (row: Row): Row[] => {
    const found = rows.find((other) => key.every((column) => other[column] === row[column]));
    assert(found !== undefined || isRepeated, "a row that changes is held");
    return found === undefined ? [] : [found];
  };
  const take = (row: Row): Row[] => find(row).flatMap((held) => rows.splice(rows.indexOf(held), 1));
  const completed = (row: Row, unchanged: readonly number[], old: readonly Row[] = []): Row[] =>
    old.map((held) => row.map((value, at) => (unchanged.includes(at) ? (held[at] ?? null) : value)));
  // Rows that move are completed while the rows that contain their values still exist.
  const moved = moves.flatMap(({ tuples, keys, unchanged }) => {
    const origins = read(keys).map(find);
    return read(tuples).flatMap((row, index) => completed(row, unchanged, origins[index]));
  });
  for (const row of read(deletes)) take(row);
  for (const { tuples, unchanged } of patches)
    for (const row of read(tuples)) rows.push(...completed(row, unchanged, take(row)));
  return [...rows, ...read(inserts), ...moved];
}

function afterEvent(tables: Tables, event: TableEvent): Tables {
  const { relation } = event;
  const shown = tables[relation.id]?.shown;
  const become = (phase: TablePhase, parts: TableParts = replicated(tables, relation)): Tables =>
    changed(tables, relation, { ...parts, phase });
  switch (event.kind) {
    case "copy-started":
      return become({ kind: "copying" }, { rows: [], shown });
    case "copy-resumed":
      return become(replicated(tables, relation).phase);
    case "copied-part":
      return become({ kind: "copying", progress: event.progress });
    case "copy-finished":
      return become({ kind: "copied", position: event.position });
    case "revealed": {
      const { phase, rows } = replicated(tables, relation);
      assert(phase.kind === "copied", "a table is revealed when its copy is finished");
      return become({ kind: "synced", position: phase.position }, { rows, shown: "rows" });
    }
    case "altered":
      return altered(tables, event);
    case "truncated":
      return replaced(tables, relation, []);
    case "dropped":
      return become({ kind: "deleted" }, { rows: undefined, shown: undefined });
    case "failed":
      return become({ kind: "failed", reason: event.reason }, { rows: undefined, shown });
    default:
      return unreachable(event);
  }
}

/** Columns keep their ids, so that only added ones need more than their old place. */
function altered(tables: Tables, { relation, changes }: Extract<TableEvent, { kind: "altered" }>): Tables {
  const { definition, phase, rows: before, shown } = replicated(tables, relation);
  const values = relation.columns.map(({ id }) => {
    const place = definition.columns.findIndex((old) => old.id === id);
    const added = changes.find((change) => change.kind === "added" && change.column.id === id);
    const fill =
      added?.kind === "added" && added.fill !== null ? decodedField(added.fill, added.column) : null;
    return (row: Row) => (place < 0 ? fill : (row[place] ?? null));
  });
  const rows = before.map((row) => values.map((value) => value(row)));
  return changed(tables, relation, { phase, rows, shown: phase.kind === "synced" ? "rows" : shown });
}

/** Gives a table other rows, which readers see if they see the table. */
function replaced(tables: Tables, relation: TableDefinition, rows: readonly Row[]): Tables {
  const { phase, shown } = replicated(tables, relation);
  const isVisible = phase.kind === "synced" && shown !== undefined;
  return changed(tables, relation, { phase, rows, shown: isVisible ? "rows" : shown });
}

function replicated(tables: Tables, { id }: TableDefinition): Table & { readonly rows: readonly Row[] } {
  const table = present(tables[id], "a table begins with a copy");
  return { ...table, rows: present(table.rows, "the table is replicated") };
}

/** `rows`: the table's own rows, under its name. */
type TableParts = Pick<Table, "rows"> & { readonly shown: Shown | "rows" | undefined };
type Change = TableParts & Pick<Table, "phase">;

function changed(before: Tables, relation: TableDefinition, { phase, rows, shown }: Change): Tables {
  const definition = definitionOf(relation);
  const { id, name, columns } = definition;
  const table = { definition, updatedAtMs: Date.now(), phase, rows };
  if (shown !== "rows") return { ...before, [id]: { ...table, shown } };
  // A table that had the name no longer has it at the source: it is hidden until its own event arrives.
  const others = Object.values(before).map((other): Table =>
    isDeepStrictEqual(other.shown?.name, name) ? { ...other, shown: undefined } : other,
  );
  const tables = Object.fromEntries(others.map((other) => [other.definition.id, other]));
  return { ...tables, [id]: { ...table, shown: { name, columns, rows: rows ?? [] } } };
}
