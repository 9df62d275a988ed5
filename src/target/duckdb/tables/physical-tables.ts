import { assert } from "../../../base/assert.ts";
import { sqlType } from "../../../columnar/duck-type.ts";
import type { ColumnDefinition, TableName } from "../../../model/replication/relation.ts";
import { LargePart, largePartOf, sizeColumn } from "./large-part.ts";
import { ledgerSchema } from "./reserved-names.ts";
import type { RowSizes } from "./row-sizes.ts";
import {
  heldValue,
  isFloat,
  minusColumn,
  physicalColumn,
  storedColumns,
  storedNames,
  storedValues,
} from "./stored-columns.ts";
import type { Session } from "../instance/session.ts";
import { qualified, quoted } from "../instance/sql-text.ts";

/** A column to add to a table. Existing rows get `fill`, or NULL. */
export interface NewColumn {
  readonly column: ColumnDefinition;
  readonly fill: Fill | undefined;
}

/** The value that existing rows of a table get in a new column. */
export interface Fill {
  /** A string that DuckDB reads as exactly this value; otherwise an expression of the column's type, in the session. */
  readonly value: string;
  readonly isLiteral: boolean;
}

/** Parameters of a session's physical tables. */
interface PhysicalRequest {
  readonly database: string;
  /** New each time the database is opened, so that names of tables never collide. */
  readonly prefix: string;
  /** Names of the physical tables that have a large part. */
  readonly withLargePart: readonly string[];
  readonly sizes: RowSizes;
}

/**
 * The tables that store rows, and the views through which readers see them, in the session's open transaction.
 *
 * Readers see views because DuckDB 1.5 cannot be trusted to alter or rename a table in a transaction that also changes
 * rows: it refuses the commit, or, worse, commits and writes a log that cannot be replayed, or is replayed onto another
 * table. The operations used here have been tried in all orders, with the log replayed after each transaction: creating
 * and dropping tables, adding columns to a table of which the transaction has neither deleted nor updated rows, and any
 * operation on views. So renaming, hiding and revealing are done to views, and any other change of a table's shape
 * creates another table.
 */
export class PhysicalTables {
  readonly #session: Session;
  readonly #database: string;
  readonly #prefix: string;
  readonly #made = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #schemas = new Set<string>();
  readonly #sizes: RowSizes;
  /** By the name of the physical table, in the open transaction. */
  #large: Map<string, LargePart>;
  /** The same as of the last commit. */
  #committedLarge: Map<string, LargePart>;
  readonly #showMinusZeros = new Set<string>();
  #names = 0;

  constructor(session: Session, { database, prefix, withLargePart, sizes }: PhysicalRequest) {
    this.#session = session;
    this.#database = database;
    this.#prefix = prefix;
    this.#sizes = sizes;
    this.#large = new Map(withLargePart.map((table) => [table, this.#largePart(table)]));
    this.#committedLarge = new Map(this.#large);
  }

  /** A transaction begins: what the previous one did no longer matters. */
  begin(): void {
    this.#made.clear();
    this.#changed.clear();
    this.#schemas.clear();
    this.#committedLarge = new Map(this.#large);
  }

  rollback(): void {
    this.#large = new Map(this.#committedLarge);
    for (const part of this.#large.values()) part.forget();
    this.#showMinusZeros.clear();
  }

  /** The table's name in SQL. */
  sql(table: string): string {
    return qualified(this.#database, { schema: ledgerSchema, table });
  }

  /** Where the table's large rows are, if it has ever had one. */
  largePart(table: string): LargePart | undefined {
    return this.#large.get(table);
  }

  async addLargePart(table: string, columns: readonly ColumnDefinition[]): Promise<void> {
    const part = this.#largePart(table);
    const list = [...storedColumns(columns), `${sizeColumn} BIGINT`];
    await this.#session.run(`CREATE TABLE ${part.sql} (${list.join(", ")})`);
    this.#large.set(table, part);
  }

  /** Returns the name of the new table. */
  async create(id: string, columns: readonly ColumnDefinition[]): Promise<string> {
    const table = this.#newName(id);
    await this.#session.run(`CREATE TABLE ${this.sql(table)} (${storedColumns(columns).join(", ")})`);
    return table;
  }

  /** Creates a table with the rows of another, which is dropped. `columns`: column and expression. */
  async rebuild(
    id: string,
    table: string,
    columns: readonly (readonly [ColumnDefinition, string])[],
  ): Promise<string> {
    const rebuilt = this.#newName(id);
    const after = columns.map(([column]) => column);
    const values = columns.map(
      ([{ type }, value], index) => `CAST(${value} AS ${sqlType(type)}) AS v${index}`,
    );
    const stored = storedValues(
      after,
      after.map((_, index) => `v${index}`),
    );
    const list = storedNames(after).map((name, index) => `${stored[index] ?? "NULL"} AS ${name}`);
    const create = (to: string, from: string, more: readonly string[]): Promise<number> =>
      this.#session.run(
        `CREATE TABLE ${to} AS SELECT ${[...list, ...more].join(", ")} FROM (SELECT ${[...values, ...more].join(", ")} FROM ${from})`,
      );
    await create(this.sql(rebuilt), this.sql(table), []);
    const large = this.#large.get(table);
    if (large !== undefined) {
      const part = this.#largePart(rebuilt);
      await create(part.sql, large.sql, [sizeColumn]);
      this.#large.set(rebuilt, part);
    }
    await this.drop(table);
    return rebuilt;
  }

  async drop(table: string): Promise<void> {
    await this.#session.run(`DROP TABLE ${this.sql(table)}`);
    const large = this.#large.get(table);
    if (large === undefined) return;
    await this.#session.run(`DROP TABLE ${large.sql}`);
    this.#large.delete(table);
  }

  /** Deletes all rows of the table. */
  async empty(table: string): Promise<void> {
    await this.#session.run(`DELETE FROM ${this.sql(table)}`);
    const large = this.#large.get(table);
    if (large === undefined) return;
    await this.#session.run(`DELETE FROM ${large.sql}`);
    large.forget();
  }

  /** Another session has committed a large part of the table. */
  adoptLargePart(table: string): void {
    if (this.#large.has(table)) return;
    const part = this.#largePart(table);
    this.#large.set(table, part);
    this.#committedLarge.set(table, part);
  }

  /** Notes that rows of the table are deleted or updated in this transaction. */
  noteChanges(table: string): void {
    if (!this.#made.has(table)) this.#changed.add(table);
  }

  /** Whether `addColumn` can add these to the table; otherwise `rebuild` does. */
  canAdd(table: string, columns: readonly NewColumn[]): boolean {
    if (columns.length === 0) return true;
    return !this.#changed.has(table) && columns.every(({ fill }) => fill?.isLiteral !== false);
  }

  async addColumn(table: string, added: NewColumn): Promise<void> {
    await this.#addColumn(this.sql(table), added);
    const large = this.#large.get(table);
    if (large !== undefined) await this.#addColumn(large.sql, added);
  }

  async #addColumn(table: string, { column, fill }: NewColumn): Promise<void> {
    const alter = `ALTER TABLE ${table}`;
    const added = `${physicalColumn(column)} ${sqlType(column.type)}`;
    if (isFloat(column)) await this.#session.run(`${alter} ADD COLUMN IF NOT EXISTS ${minusColumn} VARCHAR`);
    if (fill === undefined) {
      await this.#session.run(`${alter} ADD COLUMN ${added}`);
      return;
    }
    // With any default but a literal, DuckDB fills the column by an UPDATE, and refuses the next change of the table in
    // the same transaction.
    assert(fill.isLiteral, "a column with another default is added by rewriting the table");
    await this.#session.run(`${alter} ADD COLUMN ${added} DEFAULT ${fill.value}`);
    // Only existing rows get it: new rows have their own value.
    await this.#session.run(`${alter} ALTER COLUMN ${physicalColumn(column)} DROP DEFAULT`);
  }

  /** Whether the view of the table is known to read the signs of zeros: other views are faster. */
  showsMinusZeros(table: string): boolean {
    return this.#showMinusZeros.has(table);
  }

  async #hasMinusZeros(table: string): Promise<boolean> {
    const parts = [this.sql(table), ...(this.#large.has(table) ? [this.sql(largePartOf(table))] : [])];
    for (const part of parts) {
      const found = await this.#session.rows(
        `SELECT 1 FROM ${part} WHERE ${minusColumn} IS NOT NULL LIMIT 1`,
      );
      if (found.length > 0) return true;
    }
    return false;
  }

  /** From the commit on, readers see the table under that name, instead of the table that had the name before. */
  async show(name: TableName, table: string, columns: readonly ColumnDefinition[]): Promise<void> {
    if (!this.#schemas.has(name.schema)) {
      await this.#session.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(this.#database)}.${quoted(name.schema)}`);
      this.#schemas.add(name.schema);
    }
    const hasMinusZeros = columns.some(isFloat) && (await this.#hasMinusZeros(table));
    if (hasMinusZeros) this.#showMinusZeros.add(table);
    else this.#showMinusZeros.delete(table);
    const value = hasMinusZeros ? heldValue : physicalColumn;
    const list = columns.map((column) => `${value(column)} AS ${quoted(column.name)}`);
    // Tables are named without their database, so that the file can be attached under any name.
    const from = wholeTable(
      { schema: quoted(ledgerSchema), table, hasLargePart: this.#large.has(table) },
      list,
    );
    await this.#session.run(`CREATE OR REPLACE VIEW ${qualified(this.#database, name)} AS ${from}`);
  }

  async hide(name: TableName): Promise<void> {
    await this.#session.run(`DROP VIEW ${qualified(this.#database, name)}`);
  }

  #largePart(table: string): LargePart {
    return new LargePart(this.sql(largePartOf(table)), this.#sizes);
  }

  #newName(id: string): string {
    this.#names += 1;
    const name = `rows_${id}_${this.#prefix}_${this.#names}`;
    this.#made.add(name);
    return name;
  }
}

/** The query of a physical table's rows. `columns`: expressions. */
export function wholeTable(
  { schema, table, hasLargePart }: { schema: string; table: string; hasLargePart: boolean },
  columns: readonly string[],
): string {
  const select = (from: string): string => `SELECT ${columns.join(", ")} FROM ${schema}.${quoted(from)}`;
  if (!hasLargePart) return select(table);
  return `${select(table)} UNION ALL ${select(largePartOf(table))} WHERE ${sizeColumn} IS NOT NULL`;
}
