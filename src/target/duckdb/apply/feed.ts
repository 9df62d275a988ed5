import { randomUUID } from "node:crypto";
import {
  DuckDBTableFunction,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBType,
} from "@duckdb/node-api";

/** Fills a chunk that DuckDB asks for; gives its rows, 0 at the end. May throw: then the statement fails. */
export type FillChunk = (chunk: DuckDBDataChunk) => number;

/**
 * Rows that a statement reads from us: `FROM zeroetl_feed('<handle>')` with columns f0, f1 … DuckDB asks for one chunk
 * at a time while the statement runs on a thread of its own, so decoding here and storing there go on side by side and
 * nothing is staged in between.
 */
export interface Feed {
  /** The SQL of the table function. */
  readonly sql: string;
  /** How often a statement has been bound to it: more than once means that the statement is out of date. */
  readonly binds: () => number;
  /** For one execution: what fills its chunks. */
  readonly fill: (fill: FillChunk) => void;
  /** The execution has ended: nothing of its rows is held any more. */
  readonly empty: () => void;
  /** What `fill` threw. DuckDB only passes its message on. */
  readonly failure: () => unknown;
  readonly close: () => void;
}

interface OpenFeed {
  readonly types: readonly DuckDBType[];
  binds: number;
  fill: FillChunk | undefined;
  failure: unknown;
}

const functionName = "zeroetl_feed";
// A guess for the planner: a batch is much smaller than a table, so tables are searched for batches.
const cardinality = 1000;

/** The feeds of one instance of DuckDB. */
export class Feeds {
  readonly #open = new Map<string, OpenFeed>();

  /** Makes the table function, for all connections of the instance. */
  constructor(connection: DuckDBConnection) {
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: functionName,
        parameterTypes: [VARCHAR],
        bindFunction: (info) => {
          const handle = String(info.getParameter(0));
          const feed = this.#of(handle);
          feed.binds += 1;
          for (const [index, type] of feed.types.entries()) info.addResultColumn(`f${index}`, type);
          info.setBindData({ handle });
          info.setCardinality(cardinality, false);
        },
        // One thread: the rows come from one place, and each chunk is done with before the next is filled.
        initFunction: (info) => info.setMaxThreads(1),
        mainFunction: (info, chunk) => {
          const { handle } = info.bindData as { handle: string };
          this.#fill(this.#of(handle), chunk);
        },
      }),
    );
  }

  open(types: readonly DuckDBType[]): Feed {
    // Handles cannot be guessed: a query of a user must not read what is being applied.
    const handle = randomUUID();
    const feed: OpenFeed = { types, binds: 0, fill: undefined, failure: undefined };
    this.#open.set(handle, feed);
    return {
      sql: `${functionName}('${handle}')`,
      binds: () => feed.binds,
      fill: (fill) => Object.assign(feed, { fill, failure: undefined }),
      empty: () => Object.assign(feed, { fill: undefined, failure: undefined }),
      failure: () => feed.failure,
      close: () => this.#open.delete(handle),
    };
  }

  #of(handle: string): OpenFeed {
    const feed = this.#open.get(handle);
    if (feed === undefined) throw new Error(`${functionName} is for zeroetl's own use`);
    return feed;
  }

  #fill(feed: OpenFeed, chunk: DuckDBDataChunk): void {
    if (feed.fill === undefined) throw new Error(`${functionName} is not running`);
    try {
      chunk.rowCount = feed.fill(chunk);
    } catch (error) {
      feed.failure = error;
      throw error;
    }
  }
}
