import { readFile } from "node:fs/promises";
import { CodedError } from "../../../src/base/errors.ts";
import { plainRelation } from "../../support/plain-tuples.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import type { StreamRequest } from "../../../src/source/source.ts";
import type { SourceChange } from "../source.ts";

/** One line of the log. */
export interface Transaction {
  readonly committedAtMs: number;
  readonly changes: readonly SourceChange[];
}

export interface TableSnapshot {
  readonly relation: Relation;
  readonly rows: ReadonlyMap<number, string | null>;
}

/** The transactions of a source database, oldest first. A position is how many precede it. */
export class Log {
  readonly #path: string;
  #transactions: Transaction[] = [];
  #bytes = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Reads the log. Throws `CodedError` SOURCE_DATABASE_MISSING. */
  static async open({ url, database }: StreamRequest): Promise<Log> {
    const log = new Log(`${new URL(url).pathname}/${database}.jsonl`);
    await log.refresh();
    return log;
  }

  get length(): number {
    return this.#transactions.length;
  }

  /** Bytes of the log that have been read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads what has been appended. Throws `CodedError` SOURCE_DATABASE_MISSING. */
  async refresh(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch((cause: unknown) => {
      const message = `There is no log ${JSON.stringify(this.#path)}.`;
      throw new CodedError("SOURCE_DATABASE_MISSING", message, { cause });
    });
    this.#bytes = text.length;
    // A last line without its end has not been committed.
    const lines = text.split("\n").slice(0, -1);
    for (const line of lines.slice(this.length)) this.#transactions.push(JSON.parse(line) as Transaction);
  }

  at(position: number): Transaction | undefined {
    return this.#transactions[position];
  }

  /** The tables by name, with their rows, as of a position. */
  snapshot(position: number): Map<string, TableSnapshot> {
    const tables = new Map<string, { relation: Relation; rows: Map<number, string | null> }>();
    for (const [number, { changes }] of this.#transactions.slice(0, position).entries())
      for (const change of changes) {
        if (change.kind === "create")
          tables.set(change.table, { relation: relationOf(change.table, number), rows: new Map() });
        else if (change.kind === "delete") tables.get(change.table)?.rows.delete(change.id);
        else tables.get(change.table)?.rows.set(change.id, change.body);
      }
    return tables;
  }
}

/** The id of a table contains the transaction that created it. */
export function relationOf(name: string, transaction: number): Relation {
  const columns = { id: { kind: "int64" }, body: { kind: "text" } } as const;
  return plainRelation({ id: `${name}-${transaction}`, name, columns, key: ["id"] });
}
