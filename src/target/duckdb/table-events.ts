import { assert, present, unreachable } from "../../base/assert.ts";
import type { TableEvent } from "../../model/block.ts";
import { definitionOf, type TableDefinition, type TableName } from "../../model/relation.ts";
import { TableError } from "../../model/table-error.ts";
import type { TablePhase } from "../../model/table-state.ts";
import { alterClauses } from "./column-changes.ts";
import { ledgerSchema, type TableEntry } from "./ledger.ts";
import type { PhysicalTables } from "./physical-tables.ts";
import { folded } from "./sql-text.ts";
import type { TableSet } from "./table-set.ts";

/** Applies events to the physical tables and to what is known of them, in the open transaction. */
export class TableEvents {
  readonly #physical: PhysicalTables;
  readonly #tables: TableSet;

  constructor(physical: PhysicalTables, tables: TableSet) {
    this.#physical = physical;
    this.#tables = tables;
  }

  /** Throws `TableError` TABLE_UNSUPPORTED for a table whose names DuckDB cannot hold. */
  async apply(event: TableEvent): Promise<void> {
    switch (event.kind) {
      case "copy-started":
        return this.#copyStarted(event.relation);
      case "copy-finished":
        return this.#enter(event.relation, { kind: "copied", position: event.position });
      case "revealed":
        return this.#revealed(event.relation);
      case "altered":
        return this.#altered(event);
      case "truncated":
        return this.#truncated(event.relation);
      case "dropped":
        return this.#leave(event.relation, { kind: "deleted" });
      case "failed":
        return this.#leave(event.relation, { kind: "failed", reason: event.reason });
      default:
        unreachable(event);
    }
  }

  async #copyStarted(relation: TableDefinition): Promise<void> {
    refuseUnsupported(relation);
    const before = this.#tables.of(relation.id);
    await this.#dropHidden(before);
    const rows = this.#physical.hiddenName(relation.name.schema, relation.id);
    await this.#physical.create(rows, relation.columns);
    this.#set(relation, { phase: { kind: "copying" }, rows, shown: before?.shown });
  }

  #enter(relation: TableDefinition, phase: TablePhase): void {
    const { rows, shown } = this.#replicated(relation);
    this.#set(relation, { phase, rows, shown });
  }

  async #revealed(relation: TableDefinition): Promise<void> {
    const { phase, rows, shown } = this.#replicated(relation);
    assert(phase.kind === "copied", "a table is revealed when its copy is finished");
    if (shown !== undefined) {
      await this.#physical.drop(shown);
      this.#set(relation, { phase, rows, shown: undefined });
    }
    await this.#show(relation, rows, { kind: "synced", position: phase.position });
  }

  async #altered({ relation, changes }: Extract<TableEvent, { kind: "altered" }>): Promise<void> {
    refuseUnsupported(relation);
    const { definition, phase, rows, shown } = this.#replicated(relation);
    await this.#physical.alter(rows, alterClauses(definition.columns, changes));
    // A copy that is being made is hidden until it is revealed. Any other table is seen, or waited for its new name.
    if (phase.kind === "synced") await this.#show(relation, rows, phase);
    else this.#set(relation, { phase, rows, shown });
  }

  async #truncated(relation: TableDefinition): Promise<void> {
    const entry = this.#replicated(relation);
    await this.#physical.drop(entry.rows);
    await this.#physical.create(entry.rows, entry.definition.columns);
  }

  /** The table is not replicated any more. A failed one stays readable. */
  async #leave(definition: TableDefinition, phase: Extract<TablePhase, { kind: "deleted" | "failed" }>) {
    const before = this.#tables.of(definition.id);
    await this.#dropHidden(before);
    let shown = before?.shown;
    if (phase.kind === "deleted" && shown !== undefined) {
      await this.#physical.drop(shown);
      shown = undefined;
    }
    this.#set(definition, { phase, rows: undefined, shown });
  }

  /** Gives the table the name that the source has given it. */
  async #show(relation: TableDefinition, rows: TableName, phase: TablePhase): Promise<void> {
    const { name } = relation;
    await this.#makeFree(relation);
    if (!sameName(rows, name)) await this.#physical.rename(rows, name);
    this.#set(relation, { phase, rows: name, shown: name });
  }

  /**
   * A table that has the name at the source no more, though its own event has not come yet (two tables that swap
   * names), waits under a hidden name for it.
   */
  async #makeFree(relation: TableDefinition): Promise<void> {
    const { name, id } = relation;
    const holder = this.#tables.shownAs(name);
    if (holder === undefined || holder.definition.id === id) return;
    const { definition, phase, rows, shown } = holder;
    const held = present(shown, "the table is shown under the name");
    if (!sameName(held, name))
      unsupported(
        relation,
        `${said(held)} has the same name but for upper and lower case, which DuckDB ignores`,
      );
    const aside = this.#physical.hiddenName(held.schema, definition.id);
    await this.#physical.rename(held, aside);
    const rowsNow = rows !== undefined && sameName(rows, held) ? aside : rows;
    // A copy in the making replaces what was seen before; nothing else would ever show that again.
    if (rowsNow !== aside) await this.#physical.drop(aside);
    this.#set(definition, { phase, rows: rowsNow, shown: undefined });
  }

  async #dropHidden(entry: TableEntry | undefined): Promise<void> {
    if (entry?.rows === undefined) return;
    if (entry.shown === undefined || !sameName(entry.rows, entry.shown))
      await this.#physical.drop(entry.rows);
  }

  #replicated({ id }: TableDefinition): TableEntry & { readonly rows: TableName } {
    const entry = this.#tables.of(id);
    assert(entry?.rows !== undefined, "a table begins with a copy");
    return { ...entry, rows: entry.rows };
  }

  #set(relation: TableDefinition, state: Pick<TableEntry, "phase" | "rows" | "shown">): void {
    this.#tables.set({ definition: definitionOf(relation), updatedAtMs: Date.now(), ...state });
  }
}

function sameName(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.table === b.table;
}

function said({ schema, table }: TableName): string {
  return JSON.stringify(`${schema}.${table}`);
}

function refuseUnsupported(relation: TableDefinition): void {
  const { name, columns, identity } = relation;
  if (columns.length === 0)
    unsupported(relation, "it has no columns, and a table of DuckDB has at least one");
  if (folded(name.schema) === ledgerSchema)
    unsupported(relation, `the schema ${ledgerSchema} is zeroetl's own`);
  const names = new Map<string, string>();
  for (const column of columns) {
    const other = names.get(folded(column.name));
    if (other !== undefined)
      unsupported(
        relation,
        `its columns ${JSON.stringify(other)} and ${JSON.stringify(column.name)} differ only in upper and lower case, which DuckDB ignores`,
      );
    names.set(folded(column.name), column.name);
  }
  if (identity.kind === "row" && names.has("rowid"))
    unsupported(relation, "it has no key, and its column rowid hides the row numbers of DuckDB");
}

function unsupported(table: TableDefinition, reason: string): never {
  throw new TableError({
    code: "TABLE_UNSUPPORTED",
    table,
    message: `Table ${said(table.name)} cannot be kept in DuckDB: ${reason}.`,
  });
}
