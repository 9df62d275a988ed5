import { CodedError } from "../../../base/errors.ts";
import type { TableDigest } from "../../../model/replication/digest.ts";
import type { Position } from "../../../model/replication/position.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import type { DatabaseView } from "../../target.ts";
import { writeFailure } from "../instance/duck-errors.ts";
import { Ledger, type TableEntry } from "./ledger.ts";
import { ledgerSchema } from "./reserved-names.ts";
import { wholeTable } from "./physical-tables.ts";
import { heldValue, physicalColumn } from "./stored-columns.ts";
import { interrupting, type Session } from "../instance/session.ts";
import { quoted } from "../instance/sql-text.ts";
import { digestTable } from "../verify/table-digest.ts";

/** What is committed now: a read-only transaction of the session, which the view closes. */
export async function openView(session: Session, database: string): Promise<DatabaseView> {
  const ledger = new Ledger(session, database);
  try {
    await session.keepVectors();
    await session.run("BEGIN TRANSACTION READ ONLY");
    // The transaction sees a database as of its first access to it, which is this one.
    const checkpoint = await ledger.position();
    const entries = new Map((await ledger.entries()).map((entry) => [entry.definition.id, entry]));
    const withLargePart = new Set(await ledger.tablesWithLargePart());
    return new View(session, { database, checkpoint, entries, withLargePart });
  } catch (error) {
    session.close();
    throw writeFailure(error);
  }
}

interface ViewParts {
  readonly database: string;
  readonly checkpoint: Position | undefined;
  readonly entries: ReadonlyMap<string, TableEntry>;
  /** Names of the physical tables that have a large part. */
  readonly withLargePart: ReadonlySet<string>;
}

class View implements DatabaseView {
  readonly checkpoint: Position | undefined;
  readonly #session: Session;
  readonly #database: string;
  /** By the id of their table. */
  readonly #entries: ReadonlyMap<string, TableEntry>;
  readonly #withLargePart: ReadonlySet<string>;

  constructor(session: Session, { database, checkpoint, entries, withLargePart }: ViewParts) {
    this.#session = session;
    this.#database = database;
    this.#entries = entries;
    this.#withLargePart = withLargePart;
    this.checkpoint = checkpoint;
  }

  async digest(table: TableDefinition, signal: AbortSignal): Promise<TableDigest> {
    const entry = this.#entries.get(table.id);
    const rows = entry?.rows ?? entry?.shown?.rows;
    if (rows === undefined)
      throw new CodedError(
        "TABLE_MISSING",
        `The warehouse does not contain ${table.name.schema}.${table.name.table}.`,
      );
    const part = {
      schema: `${quoted(this.#database)}.${quoted(ledgerSchema)}`,
      table: rows,
      hasLargePart: this.#withLargePart.has(rows),
    };
    const values = table.columns.map((column) => `${heldValue(column)} AS ${physicalColumn(column)}`);
    const from = `(${wholeTable(part, values)})`;
    signal.throwIfAborted();
    let stopping: Disposable | undefined;
    const interrupt = (): void => {
      stopping = interrupting(this.#session);
    };
    signal.addEventListener("abort", interrupt);
    try {
      const digest = await digestTable({ session: this.#session, table, from }, signal);
      // An interrupt that arrives before a statement begins is forgotten, and a short statement ends before the next
      // one.
      signal.throwIfAborted();
      return digest;
    } catch (error) {
      signal.throwIfAborted();
      throw writeFailure(error);
    } finally {
      signal.removeEventListener("abort", interrupt);
      stopping?.[Symbol.dispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }
}
