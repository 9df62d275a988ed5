import { assert, present } from "../../base/assert.ts";
import type { PartialUpdate, RowsStep } from "../../model/delta.ts";
import type { Column, Relation } from "../../model/relation.ts";
import { TableError } from "../../model/table-error.ts";
import type { TupleRun } from "../../model/tuple.ts";
import { FeedStatement } from "./feed-statement.ts";
import type { Feeds } from "./feed.ts";
import { physicalColumn } from "./physical-tables.ts";
import { KeyTexts } from "./key-texts.ts";
import type { Session } from "./session.ts";
import { duckType, quoted, sqlType } from "./sql-text.ts";
import { TupleFeed, type FeedTools, type TuplePart } from "./tuple-feed.ts";

/** What every writer of one session shares. */
export interface WriterTools {
  readonly session: Session;
  readonly feeds: Feeds;
  readonly feedTools: FeedTools;
}

/**
 * Writes row changes of one version of a table into one physical table, inside the open transaction.
 * Made for one relation object: a changed relation gets another writer.
 */
export class RowsWriter {
  readonly relation: Relation;
  /** Qualified and quoted. */
  readonly table: string;
  readonly #tools: WriterTools;
  readonly #all: readonly number[];
  readonly #statements = new Map<string, FeedStatement>();
  #stage: string | undefined;

  constructor(tools: WriterTools, relation: Relation, table: string) {
    this.#tools = tools;
    this.relation = relation;
    this.table = table;
    this.#all = [...relation.columns.keys()];
  }

  /** Throws `TableError` for values that the table cannot hold. */
  async apply(step: RowsStep): Promise<void> {
    assert(step.relation === this.relation, "a writer writes one version of a table");
    const { deletes, inPlace, moved } = split(step);
    for (const update of inPlace) await this.#update(update);
    // Rows that get another key are put together while the rows that hold their values are still there.
    for (const update of moved) await this.#merge(update);
    if (hasRows(deletes)) await this.#delete(deletes);
    if (hasRows(step.inserts)) await this.#insert(step.inserts);
    if (moved.length > 0) await this.#insertMerged();
  }

  /** In the transaction in which it wrote, or in none. */
  async close(): Promise<void> {
    this.release();
    if (this.#stage === undefined) return;
    const { session } = this.#tools;
    session.forgetStatements();
    await session.run(`DROP TABLE IF EXISTS ${this.#stage}`);
  }

  /** Without a word to DuckDB, for a session that is closed or has failed. */
  release(): void {
    for (const statement of this.#statements.values()) statement.close();
    this.#statements.clear();
  }

  async #insert(runs: readonly TupleRun[]): Promise<void> {
    const sql = (feed: string): string =>
      `INSERT INTO ${this.table} (${this.#names()}) SELECT * FROM ${feed}`;
    await this.#run("insert", [{ runs, columns: this.#all }], sql);
  }

  async #delete(runs: readonly TupleRun[]): Promise<void> {
    const { identity } = this.relation;
    if (identity.kind === "row") {
      await this.#run("delete rows", [{ runs, columns: this.#all }], (feed) => this.#deleteRows(feed));
      return;
    }
    const sql = (feed: string): string =>
      `DELETE FROM ${this.table} AS t USING ${feed} AS s WHERE ${this.#keysEqual(0)}`;
    await this.#run("delete", [{ runs, columns: identity.columns }], sql);
  }

  /** One row goes for each row fed, of those that are equal in every column. */
  #deleteRows(feed: string): string {
    const parts = this.relation.columns.flatMap((column, index) =>
      distinguishing(column).map((part) => ({
        held: part(`t.${physicalColumn(column)}`),
        fed: part(`f${index}`),
      })),
    );
    const wanted = parts.map(({ fed }, index) => `${fed} AS g${index}`).join(", ");
    const groups = parts.map((_, index) => `g${index}`).join(", ");
    const equal = parts.map(({ held }, index) => `${held} IS NOT DISTINCT FROM s.g${index}`).join(" AND ");
    return `DELETE FROM ${this.table} WHERE rowid IN (
      SELECT r FROM (
        SELECT t.rowid AS r, s.copies, row_number() OVER (PARTITION BY s.number) AS copy
        FROM ${this.table} AS t JOIN (
          SELECT *, row_number() OVER () AS number
          FROM (SELECT ${groups}, count(*) AS copies FROM (SELECT ${wanted} FROM ${feed}) GROUP BY ${groups})
        ) AS s ON ${equal}
      ) WHERE copy <= copies)`;
  }

  /** Rows that keep their keys: what was not sent, often the large part of a row, is not even looked at. */
  async #update(update: PartialUpdate): Promise<void> {
    const keys = this.#keys();
    const sent = this.#all.filter((index) => !update.unchanged.includes(index) && !keys.includes(index));
    if (sent.length === 0) return;
    const values = sent.map((position, index) => `${this.#column(position)} = s.f${keys.length + index}`);
    const sql = (feed: string): string =>
      `UPDATE ${this.table} AS t SET ${values.join(", ")} FROM ${feed} AS s WHERE ${this.#keysEqual(0)}`;
    const parts = [{ runs: update.tuples, columns: [...keys, ...sent] }];
    this.#expectAll(update, await this.#run(`update ${update.unchanged.join()}`, parts, sql));
  }

  async #merge(update: PartialUpdate): Promise<void> {
    const stage = await this.#stageTable();
    const sent = this.#all.filter((index) => !update.unchanged.includes(index));
    const values = this.#all.map((index) =>
      update.unchanged.includes(index) ? `t.${this.#column(index)}` : `s.f${sent.indexOf(index)}`,
    );
    const sql = (feed: string): string =>
      `INSERT INTO ${stage} SELECT ${values.join(", ")} FROM ${feed} AS s
       JOIN ${this.table} AS t ON ${this.#keysEqual(sent.length)}`;
    const parts = [
      { runs: update.tuples, columns: sent },
      { runs: update.keys, columns: this.#keys() },
    ];
    this.#expectAll(update, await this.#run(`merge ${update.unchanged.join()}`, parts, sql));
  }

  #expectAll({ tuples }: PartialUpdate, changed: number): void {
    const wanted = tuples.reduce((sum, run) => sum + run.offsets.length, 0);
    if (changed === wanted) return;
    const message = `The source changed ${wanted - changed} rows that the warehouse does not hold.`;
    throw new TableError({ code: "TARGET_FAILED", table: this.relation, message });
  }

  async #insertMerged(): Promise<void> {
    const { session } = this.#tools;
    const stage = present(this.#stage, "rows have been merged");
    await session.runKept(`INSERT INTO ${this.table} (${this.#names()}) SELECT * FROM ${stage}`);
    await session.runKept(`DELETE FROM ${stage}`);
  }

  /** A temporary table with the columns of the relation, empty between steps. It is gone after a rollback. */
  async #stageTable(): Promise<string> {
    if (this.#stage !== undefined) return this.#stage;
    const name = `temp.main.${quoted(`_zeroetl_${stagesMade++}`)}`;
    const columns = this.relation.columns.map(({ type }, index) => `f${index} ${sqlType(type)}`);
    await this.#tools.session.run(`CREATE TEMPORARY TABLE ${name} (${columns.join(", ")})`);
    this.#stage = name;
    return name;
  }

  /** The key columns of the table `t` equal those of the feed `s`, which begin at column `first`. */
  #keysEqual(first: number): string {
    return this.#keys()
      .map((position, index) => `t.${this.#column(position)} = s.f${first + index}`)
      .join(" AND ");
  }

  #keys(): readonly number[] {
    const { identity } = this.relation;
    assert(identity.kind === "key" && identity.columns.length > 0, "the table has a key");
    return identity.columns;
  }

  #column(position: number): string {
    return physicalColumn(present(this.relation.columns[position], "the column exists"));
  }

  #names(): string {
    return this.relation.columns.map((column) => physicalColumn(column)).join(", ");
  }

  async #run(name: string, parts: readonly TuplePart[], sql: (feed: string) => string): Promise<number> {
    const statement = this.#statements.get(name) ?? this.#statement(parts, sql);
    this.#statements.set(name, statement);
    using feed = new TupleFeed(this.relation, parts, this.#tools.feedTools);
    return await statement.run((chunk) => feed.fill(chunk));
  }

  #statement(parts: readonly TuplePart[], sql: (feed: string) => string): FeedStatement {
    const types = parts
      .flatMap((part) => part.columns)
      .map((index) => duckType(present(this.relation.columns[index], "the column exists").type));
    return new FeedStatement(this.#tools, types, sql);
  }
}

// Temporary tables of one session share a schema: a number keeps their names apart.
let stagesMade = 0;

/** Partial updates whose rows keep their keys, the others, and the deletes without those of the former. */
function split({ relation, deletes, updates }: RowsStep): {
  deletes: readonly TupleRun[];
  inPlace: readonly PartialUpdate[];
  moved: readonly PartialUpdate[];
} {
  if (updates.length === 0) return { deletes, inPlace: [], moved: [] };
  const keys = new KeyTexts(relation);
  const inPlace = updates.filter((update) => {
    const before = keys.of(update.keys);
    return keys.of(update.tuples).every((key, row) => key === before[row]);
  });
  const kept = new Set(inPlace.flatMap((update) => keys.of(update.keys)));
  const moved = updates.filter((update) => !inPlace.includes(update));
  return { deletes: deletes.map((run) => keys.without(run, kept)), inPlace, moved };
}

function hasRows(runs: readonly TupleRun[]): boolean {
  return runs.some((run) => run.offsets.length > 0);
}

type Expression = (value: string) => string;

const itself: Expression = (value) => value;
const sign: Expression = (value) => `signbit(${value})`;
const text: Expression = (value) => `CAST(${value} AS VARCHAR)`;

/** Expressions that together differ wherever values differ: DuckDB calls some values equal that are not the same. */
function distinguishing({ type: { kind } }: Column): readonly Expression[] {
  if (kind === "float32" || kind === "float64") return [itself, sign];
  return kind === "interval" || kind === "timetz" ? [text] : [itself];
}
