import type { ColumnDefinition, TableName } from "../../model/relation.ts";
import type { Session } from "./session.ts";
import { qualified, quoted, sqlType } from "./sql-text.ts";

/**
 * Tables of one DuckDB database as its own statements see them, within one transaction at a time.
 *
 * One thing must never happen in a transaction: that rows of a table are deleted and the table is altered or renamed
 * afterwards. DuckDB 1.5 then refuses the commit, or, worse, commits and writes a log that cannot be replayed or is
 * replayed onto another table. Tables that the transaction itself made are free of this. So a table with deleted rows
 * is first replaced by a copy of itself; the tests replay the log after every order of such statements.
 */
export class PhysicalTables {
  readonly #session: Session;
  readonly #database: string;
  readonly #prefix: string;
  readonly #schemas = new Set<string>();
  readonly #created = new Set<string>();
  readonly #deletedFrom = new Set<string>();
  #made = 0;

  /** `prefix` is new with every opening of the database, so that hidden names never meet. */
  constructor(session: Session, database: string, prefix: string) {
    this.#session = session;
    this.#database = database;
    this.#prefix = prefix;
  }

  /** A transaction begins: what the one before has done does not matter any more. */
  begin(): void {
    this.#created.clear();
    this.#deletedFrom.clear();
    this.#schemas.clear();
  }

  sql(name: TableName): string {
    return qualified(this.#database, name);
  }

  /** A name that readers know as not theirs and no other table has. */
  hiddenName(schema: string, id: string): TableName {
    this.#made += 1;
    return { schema, table: `_zeroetl_${id}_${this.#prefix}_${this.#made}` };
  }

  async create(name: TableName, columns: readonly ColumnDefinition[]): Promise<void> {
    await this.#ensureSchema(name.schema);
    const list = columns.map((column) => `${quoted(column.name)} ${sqlType(column.type)}`);
    await this.#session.run(`CREATE TABLE ${this.sql(name)} (${list.join(", ")})`);
    this.#created.add(this.sql(name));
  }

  async drop(name: TableName): Promise<void> {
    await this.#session.run(`DROP TABLE ${this.sql(name)}`);
    this.#created.delete(this.sql(name));
    this.#deletedFrom.delete(this.sql(name));
  }

  async rename(from: TableName, to: TableName): Promise<void> {
    if (from.schema !== to.schema || this.#mustBeCopied(from)) return this.#copy(from, to);
    await this.#session.run(`ALTER TABLE ${this.sql(from)} RENAME TO ${quoted(to.table)}`);
    if (this.#created.delete(this.sql(from))) this.#created.add(this.sql(to));
  }

  /** `what` follows ALTER TABLE and the name of the table. */
  async alter(name: TableName, what: readonly string[]): Promise<void> {
    if (what.length === 0) return;
    if (this.#mustBeCopied(name)) {
      const aside = this.hiddenName(name.schema, "copy");
      await this.#copy(name, aside);
      await this.rename(aside, name);
    }
    for (const change of what) await this.#session.run(`ALTER TABLE ${this.sql(name)} ${change}`);
  }

  /** Rows of the table are deleted in this transaction. */
  noteDeletes(name: TableName): void {
    if (!this.#created.has(this.sql(name))) this.#deletedFrom.add(this.sql(name));
  }

  #mustBeCopied(name: TableName): boolean {
    return this.#deletedFrom.has(this.sql(name));
  }

  async #copy(from: TableName, to: TableName): Promise<void> {
    await this.#ensureSchema(to.schema);
    await this.#session.run(`CREATE TABLE ${this.sql(to)} AS FROM ${this.sql(from)}`);
    this.#created.add(this.sql(to));
    await this.drop(from);
  }

  async #ensureSchema(schema: string): Promise<void> {
    if (this.#schemas.has(schema)) return;
    await this.#session.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(this.#database)}.${quoted(schema)}`);
    this.#schemas.add(schema);
  }
}
