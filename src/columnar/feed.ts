import { randomUUID } from "node:crypto";
import {
  DuckDBTableFunction,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBType,
} from "@duckdb/node-api";
import { headersAreAsExpected } from "./string-headers.ts";
import { FeedTools, Scratch } from "./tuple-feed.ts";

/**
 * Fills a chunk that DuckDB requests, and returns the number of rows, 0 at the end. If it throws, the statement fails.
 */
export type FillChunk = (chunk: DuckDBDataChunk) => number;

/**
 * Rows that a statement reads from this process: `FROM zeroetl_feed('<handle>')` with columns f0, f1 … DuckDB requests
 * one chunk at a time while the statement runs on a separate thread, so decoding here and storing there proceed in
 * parallel, and nothing is staged in between.
 */
export interface Feed {
  /** The SQL that calls the table function. */
  readonly sql: string;
  /** How often a statement has been bound to this feed. More than once means that the statement is outdated. */
  readonly binds: () => number;
  /** Sets, for one execution, the function that fills its chunks. */
  readonly fill: (fill: FillChunk) => void;
  /** Call it when the execution has ended: drops all references to its rows. */
  readonly empty: () => void;
  /** The error that `fill` threw. DuckDB itself passes on only its message. */
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
// An estimate for the planner: a batch is much smaller than a table, so the planner should probe tables with batches.
const cardinality = 1000;

/**
 * The feeds of one instance of DuckDB. While a feed runs, threads of the pool wait for JavaScript: call `holdThreads`,
 * and dispose of the result when the instance has been closed.
 */
export class Feeds {
  readonly #open = new Map<string, OpenFeed>();
  readonly #scratch = new Scratch();
  readonly #knownHeaders = headersAreAsExpected();

  /** Creates the table function for all connections of the instance. */
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
        // One thread: the rows come from one place, and each chunk is finished before the next is filled.
        initFunction: (info) => info.setMaxThreads(1),
        mainFunction: (info, chunk) => {
          const { handle } = info.bindData as { handle: string };
          this.#fill(this.#of(handle), chunk);
        },
      }),
    );
  }

  /** Memory for the rows of one session. */
  tools(): FeedTools {
    return new FeedTools(this.#scratch, this.#knownHeaders);
  }

  open(types: readonly DuckDBType[]): Feed {
    // Handles cannot be guessed: a user's query must not read what is being applied.
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
