import type { DuckDBDataChunk, DuckDBValue } from "@duckdb/node-api";
import { CodedError } from "../../base/errors.ts";
import { RowDigests, type TableDigest } from "../../model/digest.ts";
import type { Position } from "../../model/position.ts";
import type { TableDefinition } from "../../model/relation.ts";
import type { DatabaseView } from "../target.ts";
import { canonical } from "./canonical-sql.ts";
import { writeFailure } from "./duck-errors.ts";
import { Ledger } from "./ledger.ts";
import type { Session } from "./session.ts";
import { qualified } from "./sql-text.ts";

/** What is committed now: a read-only transaction of the session, which the view closes. */
export async function openView(session: Session, database: string): Promise<DatabaseView> {
  const ledger = new Ledger(session, database);
  try {
    await session.run("BEGIN TRANSACTION READ ONLY");
    // The transaction sees a database as of its first look at it, which is this.
    return new View(session, { database, ledger, checkpoint: await ledger.position() });
  } catch (error) {
    session.close();
    throw writeFailure(error);
  }
}

class View implements DatabaseView {
  readonly checkpoint: Position | undefined;
  readonly #session: Session;
  readonly #database: string;
  readonly #ledger: Ledger;

  constructor(
    session: Session,
    parts: { database: string; ledger: Ledger; checkpoint: Position | undefined },
  ) {
    this.#session = session;
    this.#database = parts.database;
    this.#ledger = parts.ledger;
    this.checkpoint = parts.checkpoint;
  }

  async digest(table: TableDefinition, signal: AbortSignal): Promise<TableDigest> {
    const entry = (await this.#ledger.entries()).find(({ definition }) => definition.id === table.id);
    const name = entry?.rows ?? entry?.shown;
    if (name === undefined)
      throw new CodedError(
        "TABLE_MISSING",
        `The warehouse does not hold ${table.name.schema}.${table.name.table}.`,
      );
    const columns = table.columns.map((column) => canonical(column));
    const sql = `SELECT ${columns.join(", ")} FROM ${qualified(this.#database, name)}`;
    const digests = new RowDigests();
    const stop = (): void => this.#session.connection.interrupt();
    signal.addEventListener("abort", stop);
    try {
      const result = await this.#session.connection.stream(sql);
      for await (const chunk of result) {
        signal.throwIfAborted();
        addRows(chunk, digests);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw writeFailure(error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    return digests.result();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }
}

function addRows(chunk: DuckDBDataChunk, digests: RowDigests): void {
  const columns = chunk.getColumns();
  for (let row = 0; row < chunk.rowCount; row++)
    digests.add(columns.map((column) => canonicalText(column[row] ?? null)));
}

function canonicalText(value: DuckDBValue): string | null {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value === null ? null : String(value);
}
