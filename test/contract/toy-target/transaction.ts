import { assert, present, unreachable } from "../../../src/base/assert.ts";
import type { TableEvent } from "../../../src/model/replication/block.ts";
import type { DeltaStep, RowsStep } from "../../../src/model/replication/delta.ts";
import { definitionOf, type TableDefinition } from "../../../src/model/replication/relation.ts";
import type { TablePhase } from "../../../src/model/replication/table-state.ts";
import { changedRows, reading } from "./changed-rows.ts";
import { decodedField } from "../../support/pg-decoded.ts";
import { sameName, type Row, type State, type Table } from "./state.ts";

/** Versions of tables on top of the committed state. Undone by being forgotten. */
export class Transaction {
  readonly #committed: () => State;
  readonly #changed = new Map<string, Table>();
  #hidesLeft = false;

  constructor(committed: () => State) {
    this.#committed = committed;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** The committed state with the changes. */
  result(): State {
    const state = this.#committed();
    const tables = new Map([...state.tables, ...this.#changed]);
    return { ...state, tables, left: this.#hidesLeft ? [] : state.left };
  }

  /** Throws `TableError`. */
  apply(step: DeltaStep): void {
    if (step.kind === "rows") this.#rows(step);
    else this.#event(step.event);
  }

  #table(id: string): Table | undefined {
    return this.#changed.get(id) ?? this.#committed().tables.get(id);
  }

  #replicated({ id }: TableDefinition): Table & { readonly rows: readonly Row[] } {
    const table = present(this.#table(id), "a table begins with a copy");
    assert(table.rows !== undefined, "the table is replicated");
    return { ...table, rows: table.rows };
  }

  #set(relation: TableDefinition, state: Pick<Table, "phase" | "rows" | "shown">): void {
    this.#changed.set(relation.id, {
      definition: definitionOf(relation),
      updatedAtMs: Date.now(),
      ...state,
    });
  }

  #rows(step: RowsStep): void {
    const { relation } = step;
    const { rows } = this.#replicated(relation);
    this.#replace(relation, changedRows(rows, step));
  }

  /** Gives a table other rows, which readers see if they have seen the previous ones. */
  #replace(relation: TableDefinition, rows: readonly Row[]): void {
    const { phase, rows: before, shown } = this.#replicated(relation);
    if (shown?.rows === before) this.#show(relation, rows, phase);
    else this.#set(relation, { phase, rows, shown });
  }

  #event(event: TableEvent): void {
    const { relation } = event;
    const shown = this.#table(relation.id)?.shown;
    switch (event.kind) {
      case "copy-started":
        return this.#set(relation, { phase: { kind: "copying" }, rows: [], shown });
      case "copy-resumed":
        return this.#set(relation, this.#replicated(relation));
      case "copied-part": {
        const phase: TablePhase = { kind: "copying", progress: event.progress };
        return this.#set(relation, { ...this.#replicated(relation), phase });
      }
      case "copy-finished": {
        const phase: TablePhase = { kind: "copied", position: event.position };
        return this.#set(relation, { ...this.#replicated(relation), phase });
      }
      case "revealed":
        return this.#reveal(event.relation);
      case "altered":
        return this.#alter(event);
      case "truncated":
        return this.#replace(relation, []);
      case "dropped":
        return this.#set(relation, { phase: { kind: "deleted" }, rows: undefined, shown: undefined });
      case "failed": {
        const phase: TablePhase = { kind: "failed", reason: event.reason };
        return this.#set(relation, { phase, rows: undefined, shown });
      }
      default:
        unreachable(event);
    }
  }

  #reveal(relation: TableDefinition): void {
    const { phase, rows } = this.#replicated(relation);
    assert(phase.kind === "copied", "a table is revealed when its copy is finished");
    this.#hidesLeft = true;
    this.#show(relation, rows, { kind: "synced", position: phase.position });
  }

  /** Columns keep their ids, so that only added ones need more than their old place. */
  #alter({ relation, changes }: Extract<TableEvent, { kind: "altered" }>): void {
    const { definition, phase, rows: before, shown } = this.#replicated(relation);
    const places = relation.columns.map(({ id }) => definition.columns.findIndex((old) => old.id === id));
    const fills = new Map<number, string | null>();
    for (const change of changes) {
      if (change.kind !== "added" || change.fill === null) continue;
      const { column, fill } = change;
      fills.set(
        column.id,
        reading(relation, () => decodedField(fill, column)),
      );
    }
    const rows = before.map((row) =>
      relation.columns.map(({ id }, index) => row[places[index] ?? -1] ?? fills.get(id) ?? null),
    );
    if (phase.kind === "synced") this.#show(relation, rows, phase);
    else this.#set(relation, { phase, rows, shown });
  }

  /** A table that had the name no longer has it at the source: it is hidden until its own event arrives. */
  #show(relation: TableDefinition, rows: readonly Row[], phase: TablePhase): void {
    const { id, name, columns } = definitionOf(relation);
    for (const other of this.result().tables.values()) {
      if (other.definition.id === id || other.shown === undefined) continue;
      if (sameName(other.shown.name, name)) this.#set(other.definition, { ...other, shown: undefined });
    }
    this.#set(relation, { phase, rows, shown: { name, columns, rows } });
  }
}
