import type { TableName } from "../../../model/replication/relation.ts";
import { isLeft, type TableEntry } from "./ledger.ts";
import { folded } from "../instance/sql-text.ts";

/** The tables of a destination database: as of the last commit, and as the open transaction leaves them. */
export class TableSet {
  readonly #committed: Map<string, TableEntry>;
  readonly #changed = new Map<string, TableEntry>();
  #ordered: readonly TableEntry[] | undefined;
  /** In the open transaction: folded name → id of the table that readers see under it. */
  readonly #shown = new Map<string, string>();
  /** In the open transaction: ids of tables that the previous stream left and that readers see. */
  readonly #left = new Set<string>();

  constructor(entries: readonly TableEntry[]) {
    this.#committed = new Map(entries.map((entry) => [entry.definition.id, entry]));
    this.#indexNames();
  }

  /** In the open transaction. */
  of(id: string): TableEntry | undefined {
    return this.#changed.get(id) ?? this.#committed.get(id);
  }

  /** As of the last commit. */
  committedOf(id: string): TableEntry | undefined {
    return this.#committed.get(id);
  }

  /** In the open transaction: the table that readers see under a name, or under one that DuckDB treats as equal. */
  shownAs(name: TableName): TableEntry | undefined {
    const id = this.#shown.get(foldedName(name));
    return id === undefined ? undefined : this.of(id);
  }

  /** In the open transaction: tables that the previous stream left and that readers see. */
  left(): TableEntry[] {
    return [...this.#left].flatMap((id) => this.of(id) ?? []);
  }

  set(entry: TableEntry): void {
    const { id } = entry.definition;
    const before = this.of(id)?.shown;
    if (before !== undefined && this.#shown.get(foldedName(before.name)) === id)
      this.#shown.delete(foldedName(before.name));
    if (entry.shown === undefined) this.#left.delete(id);
    else this.#shown.set(foldedName(entry.shown.name), id);
    this.#changed.set(id, entry);
  }

  changed(): TableEntry[] {
    return [...this.#changed.values()];
  }

  /** Ordered by name. */
  committed(): readonly TableEntry[] {
    this.#ordered ??= [...this.#committed.values()]
      .map((entry) => ({ entry, name: orderName(entry) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ entry }) => entry);
    return this.#ordered;
  }

  commit(): void {
    if (this.#changed.size > 0) this.#ordered = undefined;
    for (const [id, entry] of this.#changed) this.#committed.set(id, entry);
    this.#changed.clear();
  }

  rollback(): void {
    if (this.#changed.size === 0) return;
    this.#changed.clear();
    this.#indexNames();
  }

  #indexNames(): void {
    this.#shown.clear();
    this.#left.clear();
    for (const entry of this.#committed.values()) {
      if (entry.shown === undefined) continue;
      this.#shown.set(foldedName(entry.shown.name), entry.definition.id);
      if (isLeft(entry)) this.#left.add(entry.definition.id);
    }
  }
}

function orderName({ definition: { id, name } }: TableEntry): string {
  return JSON.stringify([name.schema, name.table, id]);
}

function foldedName({ schema, table }: TableName): string {
  return JSON.stringify([folded(schema), folded(table)]);
}
