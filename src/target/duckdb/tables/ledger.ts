import type { DuckDBValue } from "@duckdb/node-api";
import { asPosition, type Position } from "../../../model/replication/position.ts";
import type { Checkpoint } from "../../../model/replication/delta.ts";
import { definitionOf, type TableDefinition, type TableName } from "../../../model/replication/relation.ts";
import type { TablePhase, TableRecord } from "../../../model/replication/table-state.ts";
import type { DatabaseRequest, Origin, StreamIdentity } from "../../target.ts";
import { largePartOf, withLargePart } from "./large-part.ts";
import { ledgerSchema } from "./reserved-names.ts";
import { minusColumn } from "./stored-columns.ts";
import type { Session } from "../instance/session.ts";
import { quoted } from "../instance/sql-text.ts";

/** Incremented when the layout of the ledger's tables changes. */
const format = 1;

/** One table of the source, and the tables of the destination database that store its rows. */
export interface TableEntry {
  readonly definition: TableDefinition;
  readonly phase: TablePhase;
  /** ms since 1970. */
  readonly updatedAtMs: number;
  /** The physical table that receives the stream's rows; undefined for a table that is no longer replicated. */
  readonly rows: string | undefined;
  /** What readers see: another physical table while a new copy is in progress. Undefined for a hidden table. */
  readonly shown: { readonly name: TableName; readonly rows: string } | undefined;
}

/** Prefix of ids of tables that the previous stream left in a database which another stream has taken over. */
const leftPrefix = "left:";

/** Whether readers see the table until the first copy of the database's new stream is revealed. */
export function isLeft({ definition }: TableEntry): boolean {
  return definition.id.startsWith(leftPrefix);
}

/** `progress`: of the copy, if one is in progress. */
export function recordOf(
  { definition, phase, shown, updatedAtMs }: TableEntry,
  progress: string | undefined,
): TableRecord {
  const whole = phase.kind === "copying" && progress !== undefined ? { ...phase, progress } : phase;
  return { definition, phase: whole, visible: shown !== undefined, updatedAtMs };
}

/** Rows of the entry that readers do not see: those of a copy in progress. */
export function hiddenRows({ rows, shown }: TableEntry): string | undefined {
  return rows === shown?.rows ? undefined : rows;
}

/** In place of a physical table: the position of `Source.copies`. */
export const allCopies = "";

export interface StoredCopies {
  readonly position: Position | undefined;
  /** By physical table. */
  readonly progress: Map<string, string>;
}

/** Which database a file contains. */
export interface Ownership {
  readonly name: string;
  /** Undefined for a database that its stream has released. */
  readonly stream: StreamIdentity | undefined;
  readonly origin: Origin | undefined;
  /** The database has no owner, and readers see nothing in it. */
  readonly isVacant: boolean;
  /** Readers see rows that the previous stream left. */
  readonly hasLeftRows: boolean;
}

/**
 * The metadata of a destination database, stored in it and changed in the transactions that change the rows. Statements
 * run in whatever transaction the session is in.
 */
export class Ledger {
  readonly #session: Session;
  readonly #database: string;
  readonly #schema: string;

  constructor(session: Session, database: string) {
    this.#session = session;
    this.#database = database;
    this.#schema = `${quoted(database)}.${quoted(ledgerSchema)}`;
  }

  async create({ name, stream }: DatabaseRequest): Promise<void> {
    await this.#session.run(`CREATE SCHEMA ${this.#schema}`);
    await this.#session.run(
      `CREATE TABLE ${this.#schema}.database
       (format INTEGER NOT NULL, name VARCHAR NOT NULL, integration_id VARCHAR, source_database VARCHAR)`,
    );
    await this.#session.run(
      `CREATE TABLE ${this.#schema}.checkpoint
       (epoch BIGINT NOT NULL, position VARCHAR, committed_at_ms DOUBLE, updated_at_ms DOUBLE)`,
    );
    await this.#session.run(
      `CREATE TABLE ${this.#schema}.tables
       (id VARCHAR NOT NULL, definition VARCHAR NOT NULL, phase VARCHAR NOT NULL, updated_at_ms DOUBLE NOT NULL,
        rows_table VARCHAR, shown_schema VARCHAR, shown_table VARCHAR, shown_rows VARCHAR)`,
    );
    const { integrationId, sourceDatabase } = stream;
    await this.#session.runKept(`INSERT INTO ${this.#schema}.database VALUES ($1, $2, $3, $4)`, [
      format,
      name,
      integrationId,
      sourceDatabase,
    ]);
    await this.#session.run(`INSERT INTO ${this.#schema}.checkpoint VALUES (0, NULL, NULL, NULL)`);
  }

  /** Undefined if the database has no ledger. Throws if a later version of zeroetl has written it. */
  async ownership(): Promise<Ownership | undefined> {
    if (!(await this.#has("tables"))) return undefined;
    const [row] = await this.#rowsOf("database");
    if (row === undefined) return undefined;
    if (row["format"] !== format) throw new Error(`the database has format ${String(row["format"])}`);
    const [integrationId, sourceDatabase] = [text(row["integration_id"]), text(row["source_database"])];
    const stream =
      integrationId === undefined || sourceDatabase === undefined
        ? undefined
        : { integrationId, sourceDatabase };
    const [shown] = await this.#session.rows(
      `SELECT count(*) AS all_tables, count(*) FILTER (starts_with(id, $1)) AS left_tables
       FROM ${this.#schema}.tables WHERE shown_table IS NOT NULL`,
      [leftPrefix],
    );
    return {
      name: String(row["name"]),
      stream,
      origin: await this.#origin(),
      isVacant: stream === undefined && Number(shown?.["all_tables"]) === 0,
      hasLeftRows: Number(shown?.["left_tables"]) > 0,
    };
  }

  /** Records the origin of the stream's rows. It stays known after the stream ends. */
  async writeOrigin({ source, stream: { sourceDatabase } }: DatabaseRequest): Promise<void> {
    const before = await this.#origin();
    if (before?.source === source && before.sourceDatabase === sourceDatabase) return;
    await this.#session.run(
      `CREATE OR REPLACE TABLE ${this.#schema}.origin (source VARCHAR NOT NULL, source_database VARCHAR NOT NULL)`,
    );
    await this.#session.runKept(`INSERT INTO ${this.#schema}.origin VALUES ($1, $2)`, [
      source,
      sourceDatabase,
    ]);
  }

  /**
   * The state of the copies, by the physical tables that receive them. Afterwards, nothing else is stored about copies.
   */
  async copies(entries: readonly TableEntry[]): Promise<StoredCopies> {
    await this.#session.run(
      `CREATE TABLE IF NOT EXISTS ${this.#schema}.copies (rows_table VARCHAR NOT NULL, state VARCHAR NOT NULL)`,
    );
    const rowsOfCopies = await this.#rowsOf("copies");
    const stored = new Map(rowsOfCopies.map((row) => [String(row["rows_table"]), String(row["state"])]));
    const progress = new Map<string, string>();
    for (const { phase, rows } of entries) {
      const state = rows === undefined ? undefined : stored.get(rows);
      if (phase.kind === "copying" && rows !== undefined && state !== undefined) progress.set(rows, state);
    }
    const position = progress.size === 0 ? undefined : stored.get(allCopies);
    const used = new Set([...progress.keys(), ...(position === undefined ? [] : [allCopies])]);
    for (const table of stored.keys()) if (!used.has(table)) await this.writeCopy(table, undefined);
    return { position: position === undefined ? undefined : asPosition(position), progress };
  }

  /** Stores the progress of a physical table's copy, or the position of all of them; undefined removes it. */
  async writeCopy(table: string, state: string | undefined): Promise<void> {
    await this.#session.runKept(`DELETE FROM ${this.#schema}.copies WHERE rows_table = $1`, [table]);
    if (state !== undefined)
      await this.#session.runKept(`INSERT INTO ${this.#schema}.copies VALUES ($1, $2)`, [table, state]);
  }

  /** Removes the owner of the database. What readers see stays; the other rows would never become visible. */
  async giveUp(): Promise<void> {
    for (const entry of await this.entries()) {
      const rows = hiddenRows(entry);
      if (rows === undefined) continue;
      for (const table of [rows, largePartOf(rows)])
        await this.#session.run(`DROP TABLE IF EXISTS ${this.#schema}.${quoted(table)}`);
    }
    await this.#session.run(`DELETE FROM ${this.#schema}.tables WHERE shown_table IS NULL`);
    await this.#session.run(
      `UPDATE ${this.#schema}.database SET integration_id = NULL, source_database = NULL`,
    );
  }

  /**
   * Assigns a database without an owner to a stream, which begins with a copy. Ids of the tables in it come from
   * another stream's source, and could be ids of other tables at this stream's source.
   */
  async takeOver({ name, stream: { integrationId, sourceDatabase } }: DatabaseRequest): Promise<void> {
    await this.#session.runKept(
      `UPDATE ${this.#schema}.database SET name = $1, integration_id = $2, source_database = $3`,
      [name, integrationId, sourceDatabase],
    );
    await this.#session.run(`UPDATE ${this.#schema}.checkpoint SET position = NULL, committed_at_ms = NULL`);
    await this.#session.runKept(
      `UPDATE ${this.#schema}.tables SET id = $1 || id, rows_table = NULL WHERE NOT starts_with(id, $1)`,
      [leftPrefix],
    );
  }

  /** From now on only the holder of the epoch may commit. Returns false if the stored one is not less. */
  async startEpoch(epoch: number): Promise<boolean> {
    const changed = await this.#session.runKept(
      `UPDATE ${this.#schema}.checkpoint SET epoch = $1 WHERE epoch < $1`,
      [epoch],
    );
    return changed === 1;
  }

  async position(): Promise<Position | undefined> {
    const [row] = await this.#rowsOf("checkpoint");
    const position = text(row?.["position"]);
    return position === undefined ? undefined : asPosition(position);
  }

  async entries(): Promise<TableEntry[]> {
    const rows = await this.#rowsOf("tables");
    return rows.map((row) => ({
      // For a table that was left, the definition contains the id that it had.
      definition: { ...(JSON.parse(String(row["definition"])) as TableDefinition), id: String(row["id"]) },
      phase: JSON.parse(String(row["phase"])) as TablePhase,
      updatedAtMs: Number(row["updated_at_ms"]),
      rows: text(row["rows_table"]),
      shown: shownIn(row),
    }));
  }

  /** Adds the signs of zeros to the physical tables of versions of zeroetl that did not store them. */
  async addSigns(): Promise<void> {
    const tables = await this.#session.rows(
      `SELECT table_name FROM duckdb_columns()
       WHERE database_name = $1 AND schema_name = $2 AND starts_with(table_name, 'rows_') GROUP BY table_name
       HAVING bool_or(data_type IN ('FLOAT', 'DOUBLE')) AND NOT bool_or(column_name = '${minusColumn}')`,
      [this.#database, ledgerSchema],
    );
    for (const { table_name: table } of tables)
      await this.#session.run(
        `ALTER TABLE ${this.#schema}.${quoted(String(table))} ADD COLUMN ${minusColumn} VARCHAR`,
      );
  }

  /** Names of the physical tables that have a large part. */
  async tablesWithLargePart(): Promise<string[]> {
    const rows = await this.#session.rows(
      "SELECT table_name FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2",
      [this.#database, ledgerSchema],
    );
    return withLargePart(rows.map((row) => String(row["table_name"])));
  }

  /**
   * Returns false if another writer has opened the database since `epoch`. Without a checkpoint it checks only that.
   */
  async writeCheckpoint(checkpoint: Checkpoint | undefined, epoch: number): Promise<boolean> {
    // The epoch is written as well: DuckDB detects conflicts between transactions by column.
    const sets =
      checkpoint === undefined
        ? "epoch = $1, updated_at_ms = $2"
        : "epoch = $1, updated_at_ms = $2, position = $3, committed_at_ms = $4";
    const values = checkpoint === undefined ? [] : [checkpoint.position, checkpoint.committedAtMs];
    const changed = await this.#session.runKept(
      `UPDATE ${this.#schema}.checkpoint SET ${sets} WHERE epoch = $1`,
      [epoch, Date.now(), ...values],
    );
    return changed === 1;
  }

  async writeEntry({ definition, phase, updatedAtMs, rows, shown }: TableEntry): Promise<void> {
    await this.#session.runKept(`DELETE FROM ${this.#schema}.tables WHERE id = $1`, [definition.id]);
    await this.#session.runKept(
      `INSERT INTO ${this.#schema}.tables VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        definition.id,
        JSON.stringify(definitionOf(definition)),
        JSON.stringify(phase),
        updatedAtMs,
        rows ?? null,
        shown?.name.schema ?? null,
        shown?.name.table ?? null,
        shown?.rows ?? null,
      ],
    );
  }

  async #has(table: "tables" | "origin"): Promise<boolean> {
    const found = await this.#session.rows(
      "SELECT 1 FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2 AND table_name = $3",
      [this.#database, ledgerSchema, table],
    );
    return found.length === 1;
  }

  async #origin(): Promise<Origin | undefined> {
    if (!(await this.#has("origin"))) return undefined;
    const [row] = await this.#rowsOf("origin");
    const [source, sourceDatabase] = [text(row?.["source"]), text(row?.["source_database"])];
    return source === undefined || sourceDatabase === undefined ? undefined : { source, sourceDatabase };
  }

  async #rowsOf(
    table: "database" | "checkpoint" | "tables" | "origin" | "copies",
  ): Promise<Record<string, DuckDBValue>[]> {
    return this.#session.rows(`SELECT * FROM ${this.#schema}.${table}`);
  }
}

function text(value: DuckDBValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function shownIn(row: Record<string, DuckDBValue>): TableEntry["shown"] {
  const [schema, table, rows] = ["shown_schema", "shown_table", "shown_rows"].map((name) => text(row[name]));
  return schema === undefined || table === undefined || rows === undefined
    ? undefined
    : { name: { schema, table }, rows };
}
