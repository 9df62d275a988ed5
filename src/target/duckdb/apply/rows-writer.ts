import type { DuckDBValue } from "@duckdb/node-api";
import { assert, present } from "../../../base/assert.ts";
import { duckType, sqlType } from "../../../columnar/duck-type.ts";
import { FeedStatement } from "../../../columnar/feed-statement.ts";
import type { Feeds } from "../../../columnar/feed.ts";
import { TupleFeed, type FeedTools, type TuplePart } from "../../../columnar/tuple-feed.ts";
import type { Move, Patch, RowsStep } from "../../../model/replication/delta.ts";
import type { LogicalKind } from "../../../model/replication/logical-type.ts";
import type { Column, Relation } from "../../../model/replication/relation.ts";
import { TableError } from "../../../model/replication/table-error.ts";
import type { TupleRun } from "../../../model/replication/tuple.ts";
import { LargePart, sizeColumn } from "../tables/large-part.ts";
import {
  heldValue,
  isFloat,
  minusColumn,
  physicalColumn,
  signChange,
  storedChanges,
  storedNames,
  storedValues,
} from "../tables/stored-columns.ts";
import { largeTuples, runsOf, type LargeTuple, type RowSizes, type SortedStep } from "../tables/row-sizes.ts";
import type { Session } from "../instance/session.ts";
import { quoted } from "../instance/sql-text.ts";

/** Shared by all writers of one session. */
export interface WriterTools {
  readonly session: Session;
  readonly feeds: Feeds;
  readonly feedTools: FeedTools;
  readonly sizes: RowSizes;
  /** Throws if too little disk space is left for another transaction. */
  readonly requireSpace: () => Promise<void>;
}

/** Checks that a patch has changed all of its rows. */
type ExpectChanges = (patch: Patch, changed: number) => void;

/** Where the rows of a physical table are stored. */
export interface TableParts {
  /** Qualified and quoted. */
  readonly rows: string;
  readonly large: LargePart | undefined;
}

/**
 * Writes row changes of one version of a table to one physical table, inside the open transaction. Belongs to one
 * relation object: a changed relation gets another writer.
 */
export class RowsWriter {
  readonly relation: Relation;
  readonly parts: TableParts;
  readonly #tools: WriterTools;
  readonly #all: readonly number[];
  readonly #statements = new Map<string, FeedStatement>();
  #stage: { readonly table: string; readonly part: LargePart } | undefined;
  /** Since the last call of `takeMinusZero`. */
  #hasMinusZero = false;
  /** Whether rows of the table can have -0; undefined until it is needed. */
  #hasHadMinusZeros: boolean | undefined;

  constructor(tools: WriterTools, relation: Relation, parts: TableParts) {
    this.#tools = tools;
    this.relation = relation;
    this.parts = parts;
    this.#all = [...relation.columns.keys()];
  }

  /** Whether a row that was written or deleted since the last call has -0 in a column. */
  takeMinusZero(): boolean {
    const taken = this.#hasMinusZero;
    this.#hasMinusZero = false;
    return taken;
  }

  /** `sorted`: the new rows of the step. Throws `TableError` for values that the table cannot store. */
  async apply(step: RowsStep, { inserts, patches }: SortedStep): Promise<void> {
    assert(step.relation === this.relation, "a writer writes one version of a table");
    const expect: ExpectChanges = step.isRepeated
      ? () => {}
      : (patch, changed) => this.#expectAll(patch, changed);
    for (const { unchanged, small } of patches)
      if (small.length > 0) await this.#patch({ unchanged, tuples: small }, expect);
    // A patched row that gets a large value is rewritten like a row that moves, but keeps its key.
    const grown = patches.flatMap(({ unchanged, large }): Move[] => {
      const tuples = runsOf(large);
      return tuples.length === 0 ? [] : [{ unchanged, tuples, keys: tuples }];
    });
    const moves = [...step.moves, ...grown];
    const deletes = [...step.deletes, ...grown.flatMap(({ keys }) => keys)];
    // Rows that are rewritten are assembled while the rows that contain their values still exist.
    for (const move of moves) await this.#merge(move, expect);
    if (hasRows(deletes)) await this.#delete(deletes);
    if (hasRows(inserts.small)) await this.#insert(inserts.small);
    if (inserts.large.length > 0) await this.#insertLarge(inserts.large);
    if (moves.length > 0) await this.#insertMerged();
  }

  /** Call it in the transaction in which it wrote, or outside any transaction. */
  async close(): Promise<void> {
    this.release();
    if (this.#stage === undefined) return;
    const { session } = this.#tools;
    session.forgetStatements();
    await session.run(`DROP TABLE IF EXISTS ${this.#stage.table}`);
  }

  /** Releases without contacting DuckDB, for a session that is closed or has failed. */
  release(): void {
    for (const statement of this.#statements.values()) statement.close();
    this.#statements.clear();
  }

  async #insert(runs: readonly TupleRun[]): Promise<void> {
    const sql = (feed: string): string =>
      `INSERT INTO ${this.parts.rows} (${this.#names()}) SELECT ${this.#stored()} FROM ${feed}`;
    await this.#run("insert", [{ runs, columns: this.#all }], sql);
  }

  /** Runs one statement for the rows between two runs of fillers. Together, these rows do not exceed a group. */
  async #insertLarge(tuples: readonly LargeTuple[]): Promise<void> {
    const part = present(this.parts.large, "a table with large rows has a large part");
    const sql = (feed: string): string =>
      `INSERT INTO ${part.sql} (${this.#names()}, ${sizeColumn}) SELECT ${this.#stored()}, ${this.#bytesOf(this.#fed())} FROM ${feed}`;
    let group: LargeTuple[] = [];
    const flush = async (): Promise<void> => {
      if (group.length > 0)
        await this.#run("insert large", [{ runs: runsOf(group), columns: this.#all }], sql);
      group = [];
    };
    for (const tuple of tuples) {
      const fillers = part.place(tuple.bytes);
      if (fillers > 0) {
        await flush();
        await this.#fill(part, fillers);
      }
      group.push(tuple);
      const behind = part.complete(tuple.bytes);
      if (behind === 0) continue;
      await flush();
      await this.#fill(part, behind);
    }
    await flush();
  }

  async #fill(part: LargePart, count: number): Promise<void> {
    await this.#tools.session.runKept(
      `INSERT INTO ${part.sql} (${sizeColumn}) SELECT NULL FROM range($1::BIGINT)`,
      [BigInt(count)],
    );
  }

  async #delete(runs: readonly TupleRun[]): Promise<void> {
    const { identity } = this.relation;
    if (identity.kind === "row") {
      await this.#deleteRows(runs);
      return;
    }
    for (const { name, table, isRow } of this.#tables()) {
      const sql = (feed: string): string =>
        `DELETE FROM ${table} AS t USING ${feed} AS s WHERE ${this.#keysEqual(0)}${isRow}`;
      await this.#run(`delete ${name}`, [{ runs, columns: identity.columns }], sql);
    }
  }

  async #deleteRows(runs: readonly TupleRun[]): Promise<void> {
    const parts = [{ runs, columns: this.#all }];
    const { rows, large } = this.parts;
    const held = this.relation.columns
      .map((column) => `${heldValue(column)} AS ${physicalColumn(column)}`)
      .join(", ");
    if (large === undefined) {
      const sql = (feed: string): string =>
        `DELETE FROM ${rows} WHERE rowid IN (SELECT r FROM (${this.#found(feed, `SELECT 0 AS part, rowid AS r, ${held} FROM ${rows}`)}))`;
      await this.#run("delete rows", parts, sql);
      return;
    }
    // Equal rows may be in both parts: a row that arrives in another message has another size.
    const found = `temp.main.${quoted(`_zeroetl_${stagesMade++}`)}`;
    const { session } = this.#tools;
    await session.run(`CREATE TEMPORARY TABLE ${found} (part INTEGER, r BIGINT)`);
    const both = `SELECT 0 AS part, rowid AS r, ${held} FROM ${rows}
      UNION ALL SELECT 1, rowid, ${held} FROM ${large.sql} WHERE ${sizeColumn} IS NOT NULL`;
    const statement = this.#statement(parts, (feed) => `INSERT INTO ${found} ${this.#found(feed, both)}`);
    try {
      await this.#feed(statement, parts);
    } finally {
      statement.close();
    }
    for (const [part, table] of [rows, large.sql].entries())
      await session.run(`DELETE FROM ${table} WHERE rowid IN (SELECT r FROM ${found} WHERE part = ${part})`);
    await session.run(`DROP TABLE ${found}`);
  }

  /** For each row fed, the part and rowid of one of the rows that equal it in every column. */
  #found(feed: string, from: string): string {
    const parts = this.relation.columns.flatMap((column, index) =>
      distinguishing(column).map((part) => ({
        held: part(`t.${physicalColumn(column)}`),
        fed: part(`f${index}`),
      })),
    );
    const wanted = parts.map(({ fed }, index) => `${fed} AS g${index}`).join(", ");
    const groups = parts.map((_, index) => `g${index}`).join(", ");
    const equal = parts.map(({ held }, index) => `${held} IS NOT DISTINCT FROM s.g${index}`).join(" AND ");
    return `SELECT part, r FROM (
        SELECT t.part, t.r, s.copies, row_number() OVER (PARTITION BY s.number) AS copy
        FROM (${from}) AS t JOIN (
          SELECT *, row_number() OVER () AS number
          FROM (SELECT ${groups}, count(*) AS copies FROM (SELECT ${wanted} FROM ${feed}) GROUP BY ${groups})
        ) AS s ON ${equal}
      ) WHERE copy <= copies`;
  }

  /** Updates in place: columns that were not sent, often most of the row's data, are not even read. */
  async #patch(patch: Patch, expect: ExpectChanges): Promise<void> {
    const keys = this.#keys();
    const sent = this.#all.filter((index) => !patch.unchanged.includes(index) && !keys.includes(index));
    if (sent.length === 0) return;
    const { columns } = this.relation;
    const values = new Map(
      sent.map((position, index) => [this.#column(position).id, `s.f${keys.length + index}`]),
    );
    const parts = [{ runs: patch.tuples, columns: [...keys, ...sent] }];
    const update = async (what: string, assignments: readonly string[]): Promise<number> => {
      let changed = 0;
      for (const { name, table, isRow } of this.#tables()) {
        const sql = (feed: string): string =>
          `UPDATE ${table} AS t SET ${assignments.join(", ")} FROM ${feed} AS s WHERE ${this.#keysEqual(0)}${isRow}`;
        changed += await this.#run(`${what} ${name} ${patch.unchanged.join()}`, parts, sql);
      }
      return changed;
    };
    expect(patch, await update("patch", storedChanges(columns, values)));
    // An update of a text column costs more than that of the floats, and nearly no table needs it.
    if (sent.some((position) => isFloat(this.#column(position))) && (await this.#mayHaveMinusZeros()))
      await update("signs", [signChange(columns, values)]);
  }

  async #mayHaveMinusZeros(): Promise<boolean> {
    if (this.#hasHadMinusZeros !== undefined) return this.#hasHadMinusZeros;
    const found = this.#tables().map(
      ({ table }) => `EXISTS (SELECT 1 FROM ${table} WHERE ${minusColumn} IS NOT NULL)`,
    );
    const [row] = await this.#tools.session.rows(`SELECT ${found.join(" OR ")} AS found`);
    this.#hasHadMinusZeros = row?.["found"] === true;
    return this.#hasHadMinusZeros;
  }

  /**
   * Writes complete rows to the stage: the columns that were sent, and the values in the table for the remaining ones.
   */
  async #merge(move: Move, expect: ExpectChanges): Promise<void> {
    const stage = await this.#stageTable();
    const sent = this.#all.filter((index) => !move.unchanged.includes(index));
    const values = this.#all.map((index) =>
      move.unchanged.includes(index) ? heldValue(this.#column(index), "t.") : `s.f${sent.indexOf(index)}`,
    );
    const insert = (feed: string, held: string, more: string): string =>
      `INSERT INTO ${stage.table} SELECT ${values.join(", ")}, ${this.#bytesOf(values)}
       FROM ${feed} AS s JOIN ${held} AS t ON ${this.#keysEqual(sent.length)}${more}`;
    const name = move.unchanged.join();
    const { rows, large } = this.parts;
    if (large !== undefined) await this.#tools.session.keepVectors();
    let merged = 0;
    for (const { tuples, keys } of slices(move, this.#tools.sizes)) {
      const parts = [
        { runs: tuples, columns: sent },
        { runs: keys, columns: this.#keys() },
      ];
      if (large !== undefined) await this.#fill(stage.part, stage.part.place(Infinity));
      merged += await this.#run(`merge ${name}`, parts, (feed) => insert(feed, rows, ""));
      if (large === undefined) continue;
      for (const range of await this.#heldLarge(large, keys)) {
        await this.#fill(stage.part, stage.part.place(Infinity));
        const sql = (feed: string): string => insert(feed, large.sql, " AND t.rowid BETWEEN $1 AND $2");
        merged += await this.#feed(this.#kept(`merge large ${name}`, parts, sql), parts, range);
      }
    }
    expect(move, merged);
  }

  /** Rowid ranges of the large part that contain the rows with the keys, each with no more of them than a group. */
  async #heldLarge(large: LargePart, keys: readonly TupleRun[]): Promise<(readonly [bigint, bigint])[]> {
    const parts = [{ runs: keys, columns: this.#keys() }];
    const statement = this.#statement(
      parts,
      (feed) =>
        `SELECT t.rowid, t.${sizeColumn} FROM ${feed} AS s JOIN ${large.sql} AS t
         ON ${this.#keysEqual(0)}${notFiller} ORDER BY 1`,
    );
    using feed = new TupleFeed(this.relation, parts, this.#tools.feedTools);
    const rows = await statement.rows((chunk) => feed.fill(chunk)).finally(() => statement.close());
    const ranges: [bigint, bigint][] = [];
    let bytes = 0;
    for (const [rowid, size] of rows as [bigint, bigint][]) {
      const last = ranges.at(-1);
      bytes += Number(size);
      if (last !== undefined && bytes <= this.#tools.sizes.groupBytes) last[1] = rowid;
      else {
        ranges.push([rowid, rowid]);
        bytes = Number(size);
      }
    }
    return ranges;
  }

  #expectAll({ tuples }: Patch, changed: number): void {
    const wanted = tuples.reduce((sum, run) => sum + run.offsets.length, 0);
    if (changed === wanted) return;
    const message = `The source changed ${wanted - changed} rows that the warehouse does not hold.`;
    throw new TableError({ code: "TARGET_FAILED", table: this.relation, message });
  }

  async #insertMerged(): Promise<void> {
    const { session, sizes } = this.#tools;
    const { table } = present(this.#stage, "rows have been merged");
    const { rows, large } = this.parts;
    const columns = this.#stored();
    const insert = `INSERT INTO ${rows} (${this.#names()}) SELECT ${columns} FROM ${table}`;
    if (large === undefined) await session.runKept(insert);
    else {
      await session.runKept(`${insert} WHERE ${sizeColumn} < ${sizes.largeBytes}`);
      await this.#fill(large, large.place(Infinity));
      await session.runKept(
        `INSERT INTO ${large.sql} (${this.#names()}, ${sizeColumn}) SELECT ${columns}, ${sizeColumn} FROM ${table}
         WHERE ${sizeColumn} IS NULL OR ${sizeColumn} >= ${sizes.largeBytes}`,
      );
      large.forget();
    }
    await session.runKept(`DELETE FROM ${table}`);
  }

  /** A temporary table with the columns of the relation, empty between steps. It no longer exists after a rollback. */
  async #stageTable(): Promise<{ readonly table: string; readonly part: LargePart }> {
    if (this.#stage !== undefined) return this.#stage;
    const { session, sizes } = this.#tools;
    const table = `temp.main.${quoted(`_zeroetl_${stagesMade++}`)}`;
    const columns = this.relation.columns.map(({ type }, index) => `f${index} ${sqlType(type)}`);
    await session.run(`CREATE TEMPORARY TABLE ${table} (${[...columns, `${sizeColumn} BIGINT`].join(", ")})`);
    this.#stage = { table, part: new LargePart(table, sizes) };
    return this.#stage;
  }

  /** Condition that the key columns of the table `t` equal those of the feed `s`, which begin at column `first`. */
  #keysEqual(first: number): string {
    return this.#keys()
      .map((position, index) => `t.${physicalColumn(this.#column(position))} = s.f${first + index}`)
      .join(" AND ");
  }

  #keys(): readonly number[] {
    const { identity } = this.relation;
    assert(identity.kind === "key" && identity.columns.length > 0, "the table has a key");
    return identity.columns;
  }

  #column(position: number): Column {
    return present(this.relation.columns[position], "the column exists");
  }

  #names(): string {
    return storedNames(this.relation.columns).join(", ");
  }

  /** What `#names` receive from a feed that supplies whole rows. */
  #stored(): string {
    return storedValues(this.relation.columns, this.#fed()).join(", ");
  }

  /** Columns of a feed that supplies whole rows. */
  #fed(): string[] {
    return this.#all.map((index) => `f${index}`);
  }

  /** Bytes of the texts among the values of a row. */
  #bytesOf(values: readonly string[]): string {
    const lengths = this.relation.columns.flatMap(({ type: { kind } }, index) => {
      const length = kind === "bytes" ? "octet_length" : "strlen";
      return isText(kind) ? [`coalesce(${length}(${values[index] ?? ""}), 0)`] : [];
    });
    return ["0", ...lengths].join(" + ");
  }

  #tables(): readonly { readonly name: string; readonly table: string; readonly isRow: string }[] {
    const { rows, large } = this.parts;
    const small = { name: "small", table: rows, isRow: "" };
    return large === undefined ? [small] : [small, { name: "large", table: large.sql, isRow: notFiller }];
  }

  async #run(name: string, parts: readonly TuplePart[], sql: (feed: string) => string): Promise<number> {
    return this.#feed(this.#kept(name, parts, sql), parts);
  }

  #kept(name: string, parts: readonly TuplePart[], sql: (feed: string) => string): FeedStatement {
    const statement = this.#statements.get(name) ?? this.#statement(parts, sql);
    this.#statements.set(name, statement);
    return statement;
  }

  async #feed(
    statement: FeedStatement,
    parts: readonly TuplePart[],
    values: readonly DuckDBValue[] = [],
  ): Promise<number> {
    using feed = new TupleFeed(this.relation, parts, this.#tools.feedTools);
    const changed = await statement.run((chunk) => feed.fill(chunk), values);
    if (feed.hasMinusZero) {
      this.#hasMinusZero = true;
      this.#hasHadMinusZeros = true;
    }
    return changed;
  }

  #statement(parts: readonly TuplePart[], sql: (feed: string) => string): FeedStatement {
    const types = parts.flatMap((part) => part.columns).map((index) => duckType(this.#column(index).type));
    return new FeedStatement(this.#tools, types, sql);
  }
}

// Temporary tables of one session share a schema: a number makes their names unique.
let stagesMade = 0;

/** Applies to the rows of a large part, named `t`. */
const notFiller = ` AND t.${sizeColumn} IS NOT NULL`;

function isText(kind: LogicalKind): boolean {
  return kind === "text" || kind === "json" || kind === "bytes";
}

type Pairs = Pick<Move, "tuples" | "keys">;

/** Divides the rows into slices: each is a single row, or was sent with at most the bytes of a group of large rows. */
function slices({ tuples, keys }: Move, { largeBytes, groupBytes }: RowSizes): Pairs[] {
  if (!tuples.some((run) => largeTuples(run, largeBytes).length > 0)) return [{ tuples, keys }];
  const single = ({ offsets, ...run }: TupleRun): TupleRun[] =>
    Array.from(offsets, (offset) => ({ ...run, offsets: Int32Array.of(offset) }));
  const keyOf = keys.flatMap(single);
  const made: { tuples: TupleRun[]; keys: TupleRun[] }[] = [];
  let bytes = Infinity;
  for (const [index, tuple] of tuples.flatMap(single).entries()) {
    const [offset = 0] = tuple.offsets;
    const size = tuple.layout.end(tuple.region, offset) - offset;
    bytes += size;
    if (bytes > groupBytes) {
      made.push({ tuples: [], keys: [] });
      bytes = size;
    }
    made.at(-1)?.tuples.push(tuple);
    made.at(-1)?.keys.push(present(keyOf[index], "a tuple has its key"));
  }
  return made;
}

function hasRows(runs: readonly TupleRun[]): boolean {
  return runs.some((run) => run.offsets.length > 0);
}

type Expression = (value: string) => string;

const itself: Expression = (value) => value;
const sign: Expression = (value) => `signbit(${value})`;
const text: Expression = (value) => `CAST(${value} AS VARCHAR)`;

/** Expressions of which at least one differs if values differ: DuckDB treats some distinct values as equal. */
function distinguishing(column: Column): readonly Expression[] {
  const { kind } = column.type;
  if (isFloat(column)) return [itself, sign];
  return kind === "interval" || kind === "timetz" ? [text] : [itself];
}
