import { assert, unreachable } from "../../base/assert.ts";
import type { ColumnChange } from "../../model/column-change.ts";
import { sameType, type LogicalKind, type LogicalType } from "../../model/logical-type.ts";
import type { ColumnDefinition } from "../../model/relation.ts";
import { folded, literal, quoted, sqlType } from "./sql-text.ts";

/**
 * What follows ALTER TABLE … for a list of changes, in order. `columns`: what the table has now.
 */
export function alterClauses(
  columns: readonly ColumnDefinition[],
  changes: readonly ColumnChange[],
): string[] {
  const plan = new AlterPlan(columns);
  for (const change of changes)
    switch (change.kind) {
      case "added":
        plan.add(change.column, change.fill);
        break;
      case "dropped":
        plan.drop(change.name);
        break;
      case "renamed":
        plan.rename(change.from, change.to);
        break;
      case "retyped":
        plan.retype(change.column, change.from);
        break;
      default:
        unreachable(change);
    }
  return plan.finished();
}

/**
 * A name that one change needs and another column still has (two columns that swap names) is made free first; the
 * change of that other column, which must follow, finds the column under its passing name.
 */
class AlterPlan {
  readonly #clauses: string[] = [];
  /** Names in use: folded → as written. */
  readonly #names: Map<string, string>;
  /** Columns that were in the way: their folded name → their passing one. */
  readonly #aside = new Map<string, string>();
  #passing = 0;

  constructor(columns: readonly ColumnDefinition[]) {
    this.#names = new Map(columns.map(({ name }) => [folded(name), name]));
  }

  add(column: ColumnDefinition, fill: string | null): void {
    this.#makeFree(column.name);
    const name = quoted(column.name);
    const type = sqlType(column.type);
    if (fill === null) this.#clauses.push(`ADD COLUMN ${name} ${type}`);
    else {
      this.#clauses.push(
        `ADD COLUMN ${name} ${type} DEFAULT ${fillExpression(column.type, fill)}`,
        // Only rows that exist get it: those that come bring their own value.
        `ALTER COLUMN ${name} DROP DEFAULT`,
      );
    }
    this.#names.set(folded(column.name), column.name);
  }

  drop(name: string): void {
    const now = this.#find(name);
    this.#clauses.push(`DROP COLUMN ${quoted(now)}`);
    this.#names.delete(folded(now));
  }

  rename(from: string, to: string): void {
    const now = this.#find(from);
    if (folded(now) === folded(to)) {
      const passing = this.#passingName();
      this.#rename(now, passing);
      this.#rename(passing, to);
      return;
    }
    this.#makeFree(to);
    this.#rename(now, to);
  }

  retype(column: ColumnDefinition, from: ColumnDefinition): void {
    if (sameType(column.type, from.type)) return;
    this.#clauses.push(`ALTER COLUMN ${quoted(column.name)} SET DATA TYPE ${sqlType(column.type)}`);
  }

  finished(): string[] {
    assert(this.#aside.size === 0, "a column whose name another takes is renamed or dropped too");
    return this.#clauses;
  }

  #find(name: string): string {
    const passing = this.#aside.get(folded(name));
    this.#aside.delete(folded(name));
    return passing ?? name;
  }

  #makeFree(name: string): void {
    const holder = this.#names.get(folded(name));
    if (holder === undefined) return;
    const passing = this.#passingName();
    this.#rename(holder, passing);
    this.#aside.set(folded(name), passing);
  }

  #passingName(): string {
    this.#passing += 1;
    return `_zeroetl_passing_${this.#passing}`;
  }

  #rename(from: string, to: string): void {
    this.#clauses.push(`RENAME COLUMN ${quoted(from)} TO ${quoted(to)}`);
    this.#names.delete(folded(from));
    this.#names.set(folded(to), to);
  }
}

/** A value as the source prints it, as an expression of the column's type. */
function fillExpression(type: LogicalType, text: string): string {
  if (type.kind === "bytes") return `unhex(${literal(text.replace(/^\\x/, ""))})`;
  return `CAST(${literal(notations[type.kind]?.(text) ?? text)} AS ${sqlType(type)})`;
}

/** Where DuckDB reads another notation than PostgreSQL prints. */
const notations: { readonly [kind in LogicalKind]?: (text: string) => string } = {
  date: (text) => text.replace(/ BC$/, " (BC)"),
  // The era stands between the date and the time.
  timestamp: (text) => text.replace(/^(\S+) (.+) BC$/, "$1 (BC) $2"),
  timestamptz: (text) => text.replace(/^(\S+) (.+) BC$/, "$1 (BC) $2"),
  // Before hours no sign but a minus is understood.
  interval: (text) => text.replaceAll("+", ""),
};
