import { assert, unreachable } from "../../../base/assert.ts";
import type { TableEvent } from "../../../model/replication/block.ts";
import type { ColumnChange } from "../../../model/replication/column-change.ts";
import {
  definitionOf,
  type Relation,
  type TableDefinition,
  type TableName,
} from "../../../model/replication/relation.ts";
import { TableError } from "../../../model/replication/table-error.ts";
import type { TablePhase } from "../../../model/replication/table-state.ts";
import { hiddenRows, type TableEntry } from "./ledger.ts";
import { ledgerSchema } from "./reserved-names.ts";
import type { Fill, PhysicalTables } from "./physical-tables.ts";
import { folded } from "../instance/sql-text.ts";
import type { TableSet } from "./table-set.ts";
import { reshaping } from "./table-shapes.ts";

/** The fills of the columns that the changes add, by the ids of the columns. */
type ReadFills = (relation: Relation, changes: readonly ColumnChange[]) => Promise<ReadonlyMap<number, Fill>>;

/** Applies events to the physical tables and to their metadata, in the open transaction. */
export class TableEvents {
  readonly #physical: PhysicalTables;
  readonly #tables: TableSet;
  readonly #readFills: ReadFills;

  constructor(physical: PhysicalTables, tables: TableSet, readFills: ReadFills) {
    this.#physical = physical;
    this.#tables = tables;
    this.#readFills = readFills;
  }

  /**
   * Throws `TableError`: TABLE_UNSUPPORTED for a table whose names DuckDB cannot hold, VALUE_OUT_OF_RANGE for a new
   * column that cannot hold the value of existing rows.
   */
  async apply(event: TableEvent): Promise<void> {
    switch (event.kind) {
      case "copy-started":
        return this.#copyStarted(event.relation);
      case "copy-resumed":
        return this.#copyResumed(event.relation);
      case "copy-finished":
        return this.#copyFinished(event);
      case "revealed":
        return this.#revealed(event.relation);
      case "altered":
        return this.#altered(event);
      case "truncated":
        return this.#truncated(event.relation);
      case "dropped":
        return this.#dropped(event.relation);
      case "failed":
        return this.#leave(event.relation, { kind: "failed", reason: event.reason });
      case "copied-part":
        return assert(false, "only copies have progress");
      default:
        unreachable(event);
    }
  }

  /** Adds a large part to a table that has had no large row so far. */
  async addLargePart(relation: TableDefinition): Promise<void> {
    const { definition, rows } = this.#replicated(relation);
    await this.#physical.addLargePart(rows, definition.columns);
    await this.showAgain(relation);
  }

  /** Readers see a table by another query, if they see it. */
  async showAgain(relation: TableDefinition): Promise<void> {
    const { definition, rows, shown } = this.#replicated(relation);
    if (shown?.rows === rows) await this.#physical.show(shown.name, rows, definition.columns);
  }

  async #copyStarted(relation: TableDefinition): Promise<void> {
    refuseUnsupported(relation);
    const before = this.#tables.of(relation.id);
    await this.#dropHidden(before);
    const rows = await this.#physical.create(relation.id, relation.columns);
    this.#set(relation, { phase: { kind: "copying" }, rows, shown: before?.shown });
  }

  #copyResumed(relation: TableDefinition): void {
    const { rows, shown } = this.#replicated(relation);
    this.#set(relation, { phase: { kind: "copying" }, rows, shown });
  }

  #copyFinished({ relation, position }: Extract<TableEvent, { kind: "copy-finished" }>): void {
    const { rows, shown } = this.#replicated(relation);
    this.#set(relation, { phase: { kind: "copied", position }, rows, shown });
  }

  async #revealed(relation: TableDefinition): Promise<void> {
    const { phase, rows, shown } = this.#replicated(relation);
    assert(phase.kind === "copied", "a table is revealed when its copy is finished");
    await this.#dropLeft();
    await this.#show(relation, rows, { kind: "synced", position: phase.position });
    if (shown !== undefined) await this.#physical.drop(shown.rows);
  }

  async #altered({ relation, changes }: Extract<TableEvent, { kind: "altered" }>): Promise<void> {
    refuseUnsupported(relation);
    const { definition, phase, rows: before, shown } = this.#replicated(relation);
    const fills = await this.#readFills(relation, changes);
    const { added, retyped, values } = reshaping(definition.columns, relation.columns, fills);
    let rows = before;
    if (retyped || !this.#physical.canAdd(before, added))
      rows = await this.#physical.rebuild(relation.id, before, values);
    else for (const column of added) await this.#physical.addColumn(before, column);
    // A copy in progress stays hidden until it is revealed. Any other table is visible, or has waited for its new name.
    if (phase.kind === "synced") await this.#show(relation, rows, phase);
    else this.#set(relation, { phase, rows, shown });
  }

  async #truncated(relation: TableDefinition): Promise<void> {
    const { definition, phase, rows: before, shown } = this.#replicated(relation);
    const rows = await this.#physical.create(definition.id, definition.columns);
    if (shown?.rows === before) await this.#show(definition, rows, phase);
    else this.#set(definition, { phase, rows, shown });
    await this.#physical.drop(before);
  }

  async #dropped(definition: TableDefinition): Promise<void> {
    const shown = this.#tables.of(definition.id)?.shown;
    await this.#leave(definition, { kind: "deleted" });
    if (shown === undefined) return;
    await this.#hide(shown);
    this.#set(definition, { phase: { kind: "deleted" }, rows: undefined, shown: undefined });
  }

  async #hide(shown: NonNullable<TableEntry["shown"]>): Promise<void> {
    await this.#physical.hide(shown.name);
    await this.#physical.drop(shown.rows);
  }

  /** The table is no longer replicated; what readers see of it stays. */
  async #leave(definition: TableDefinition, phase: TablePhase): Promise<void> {
    const before = this.#tables.of(definition.id);
    await this.#dropHidden(before);
    this.#set(definition, { phase, rows: undefined, shown: before?.shown });
  }

  /**
   * Readers see the table under the name that the source has given it. Another table that had the name no longer has it
   * at the source, though its own event may not have arrived yet (two tables that swap names): it is hidden until then.
   */
  async #show(relation: TableDefinition, rows: string, phase: TablePhase): Promise<void> {
    const { id, name, columns } = relation;
    const before = this.#tables.of(id)?.shown;
    const holder = this.#tables.shownAs(name);
    if (holder !== undefined && holder.definition.id !== id) await this.#takeName(holder, relation);
    if (before !== undefined && !sameName(before.name, name)) await this.#physical.hide(before.name);
    await this.#physical.show(name, rows, columns);
    this.#set(relation, { phase, rows, shown: { name, rows } });
  }

  async #takeName({ definition, phase, rows, shown }: TableEntry, relation: TableDefinition): Promise<void> {
    if (shown === undefined) return;
    if (!sameName(shown.name, relation.name))
      unsupported(
        relation,
        `${said(shown.name)} has the same name but for upper and lower case, which DuckDB ignores`,
      );
    this.#set(definition, { phase, rows, shown: undefined });
    // Rows that a copy in progress was to replace: they would never become visible again.
    if (shown.rows !== rows) await this.#physical.drop(shown.rows);
  }

  /** Drops tables of the previous stream when the first copy of this one is revealed: readers never see both. */
  async #dropLeft(): Promise<void> {
    for (const entry of this.#tables.left()) {
      if (entry.shown !== undefined) await this.#hide(entry.shown);
      this.#set(entry.definition, { phase: { kind: "deleted" }, rows: undefined, shown: undefined });
    }
  }

  async #dropHidden(entry: TableEntry | undefined): Promise<void> {
    const rows = entry === undefined ? undefined : hiddenRows(entry);
    if (rows !== undefined) await this.#physical.drop(rows);
  }

  #replicated({ id }: TableDefinition): TableEntry & { readonly rows: string } {
    const entry = this.#tables.of(id);
    assert(entry?.rows !== undefined, "a table begins with a copy");
    return { ...entry, rows: entry.rows };
  }

  #set(table: TableDefinition, state: Pick<TableEntry, "phase" | "rows" | "shown">): void {
    this.#tables.set({ definition: definitionOf(table), updatedAtMs: Date.now(), ...state });
  }
}

function sameName(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.table === b.table;
}

function said({ schema, table }: TableName): string {
  return JSON.stringify(`${schema}.${table}`);
}

function refuseUnsupported(table: TableDefinition): void {
  const { name, columns } = table;
  if (columns.length === 0) unsupported(table, "it has no columns, and a table of DuckDB has at least one");
  if (folded(name.schema) === ledgerSchema) unsupported(table, `the schema ${ledgerSchema} is zeroetl's own`);
  const names = new Map<string, string>();
  for (const column of columns) {
    const other = names.get(folded(column.name));
    if (other !== undefined) {
      const both = `${JSON.stringify(other)} and ${JSON.stringify(column.name)}`;
      unsupported(table, `its columns ${both} differ only in upper and lower case, which DuckDB ignores`);
    }
    names.set(folded(column.name), column.name);
  }
}

function unsupported(table: TableDefinition, reason: string): never {
  throw new TableError({
    code: "TABLE_UNSUPPORTED",
    table,
    message: `Table ${said(table.name)} cannot be kept in DuckDB: ${reason}.`,
  });
}
