import type { TableName } from "../../model/relation.ts";
import type { TableEntry } from "./ledger.ts";
import { folded } from "./sql-text.ts";

/** What the tables of a destination database are: as of the last commit, and as the open transaction leaves them. */
export class TableSet {
  #committed: ReadonlyMap<string, TableEntry>;
  readonly #changed = new Map<string, TableEntry>();

  constructor(entries: readonly TableEntry[]) {
    this.#committed = new Map(entries.map((entry) => [entry.definition.id, entry]));
  }

  /** In the open transaction. */
  of(id: string): TableEntry | undefined {
    return this.#changed.get(id) ?? this.#committed.get(id);
  }

  /** In the open transaction: the table that readers see under a name, or under one that DuckDB takes for the same. */
  shownAs(name: TableName): TableEntry | undefined {
    const wanted = foldedName(name);
    for (const entries of [this.#changed, this.#committed])
      for (const { definition } of entries.values()) {
        const entry = this.of(definition.id);
        if (entry?.shown !== undefined && foldedName(entry.shown.name) === wanted) return entry;
      }
    return undefined;
  }

  set(entry: TableEntry): void {
    this.#changed.set(entry.definition.id, entry);
  }

  changed(): TableEntry[] {
    return [...this.#changed.values()];
  }

  /** In the order of their names. */
  committed(): TableEntry[] {
    return [...this.#committed.values()].toSorted((a, b) => (orderName(a) < orderName(b) ? -1 : 1));
  }

  commit(): void {
    this.#committed = new Map([...this.#committed, ...this.#changed]);
    this.#changed.clear();
  }

  rollback(): void {
    this.#changed.clear();
  }
}

function orderName({ definition: { id, name } }: TableEntry): string {
  return JSON.stringify([name.schema, name.table, id]);
}

function foldedName({ schema, table }: TableName): string {
  return JSON.stringify([folded(schema), folded(table)]);
}
