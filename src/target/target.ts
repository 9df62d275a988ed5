import type { Delta } from "../model/replication/delta.ts";
import type { TableDigest } from "../model/replication/digest.ts";
import type { Finding } from "../model/finding.ts";
import type { Position } from "../model/replication/position.ts";
import type { TableDefinition } from "../model/replication/relation.ts";
import type { Progress, TableRecord } from "../model/replication/table-state.ts";
import type { TableFailureReason } from "../model/replication/block.ts";

/** One kind of warehouse. A registry line in `engines.ts`. */
export interface TargetEngine {
  readonly check: (request: WarehouseRequest, signal: AbortSignal) => Promise<readonly Finding[]>;
  readonly open: (request: WarehouseRequest, signal: AbortSignal) => Promise<Warehouse>;
}

export interface WarehouseRequest {
  /** Belongs to this target alone; made when absent. */
  readonly directory: string;
  /** For its data, at most; undefined: what the engine thinks right. */
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
}

/** An open warehouse: several destination databases and the database `dev`, queried together. */
export interface Warehouse extends AsyncDisposable {
  /**
   * Opens the destination database that a stream fills, made if absent, and fences every earlier writer of it. One that
   * no stream owns is taken over: its rows stay readable until the first copy of the new stream is revealed.
   * Throws `CodedError` (DATABASE_NAME_TAKEN where the name is reserved, or another stream owns the database).
   */
  readonly database: (request: DatabaseRequest, signal: AbortSignal) => Promise<DestinationDatabase>;
  /** The destination database that a stream has, if it has one: names are given once and kept. */
  readonly databaseOf: (stream: StreamIdentity) => string | undefined;
  /** Names of all there are, `dev` included. */
  readonly databases: () => readonly string[];
  /** Of these, the names that a new stream is not given unasked: a stream owns the database, or readers see something in it. */
  readonly takenNames: () => readonly string[];
  /** Whether no database may have the name, because the warehouse needs it for itself. */
  readonly isReserved: (name: string) => boolean;
  /** Destination databases that no stream owns. */
  readonly orphans: () => readonly OrphanedDatabase[];
  /**
   * Deletes a destination database that no stream owns. Throws `CodedError` (DATABASE_NOT_FOUND, DATABASE_IN_USE where
   * a stream owns it).
   */
  readonly dropDatabase: (name: string, signal: AbortSignal) => Promise<void>;
  /** Every stream that owns a destination database, so that streams which nobody wants any more can be found. */
  readonly streams: () => readonly StreamIdentity[];
  /**
   * The stream is gone for good: its database keeps its name and rows, readable, and nobody owns it; one in which
   * nothing is to be seen is for the next stream that wants its name. Fine when the stream owns none. Call it when the stream's `DestinationDatabase` has been disposed of.
   */
  readonly release: (stream: StreamIdentity, signal: AbortSignal) => Promise<void>;
  /** Reads only. Rows come in chunks; a slow reader holds nobody up. Throws `CodedError` QUERY_FAILED. */
  readonly query: (sql: string, signal: AbortSignal, nested?: NestedForm) => Promise<QueryResult>;
}

/** What fills a database: stored in it, so that no other stream takes it over. */
export interface StreamIdentity {
  readonly integrationId: string;
  readonly sourceDatabase: string;
}

/** Where the rows of a destination database come from. */
export interface Origin {
  /** Names one source among all that the warehouse is ever filled from, such as its ARN. */
  readonly source: string;
  readonly sourceDatabase: string;
}

export interface OrphanedDatabase {
  readonly name: string;
  /** Unknown where a version of zeroetl gave the database up that did not keep it. */
  readonly origin: Origin | undefined;
  /** Whether readers see no table in it. */
  readonly isVacant: boolean;
}

export interface DatabaseRequest {
  readonly name: string;
  readonly stream: StreamIdentity;
  /** As in `Origin`. */
  readonly source: string;
}

/** How values of nested types are written: in the warehouse's notation, which is the default, or as JSON. */
export type NestedForm = "text" | "json";

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Sentences for whoever asked: what the rows are not. */
  readonly notices: readonly string[];
  /** Values as text in the warehouse's notation, null for NULL. */
  readonly rows: AsyncIterable<readonly (readonly (string | null)[])[]>;
}

/**
 * One destination database, written by one stream.
 * A delta's rows, schema changes, table states and checkpoint become visible and durable together, at the end of the
 * delta that has a checkpoint. It does not guarantee that tables which are still hidden survive a change of engine.
 */
export interface DestinationDatabase extends AsyncDisposable {
  readonly name: string;
  /** As of the last commit. */
  readonly progress: () => Progress;
  /**
   * Deltas in the order of the stream, one at a time. Throws `TableError` where one table's values cannot be kept,
   * `CodedError` (TARGET_DISK_FULL, TARGET_FENCED, TARGET_FAILED) else; after either, what was not committed is undone.
   */
  readonly apply: (delta: Delta, signal: AbortSignal) => Promise<void>;
  /** Records that a table failed, in a transaction of its own. Call it only between transactions. */
  readonly failTable: (table: TableDefinition, reason: TableFailureReason) => Promise<void>;
  /** Rows and state for people, cheap, as of now; the same array as before where nothing has changed. */
  readonly tables: () => Promise<readonly TableMeasure[]>;
  /** A reader's view of what is committed now; stays as it is while the stream goes on. */
  readonly view: () => Promise<DatabaseView>;
}

export interface TableMeasure {
  readonly record: TableRecord;
  /** Rows copied so far for a table that is being copied. */
  readonly rows: number;
  /** `rows` may include rows that were deleted, or be those of a while ago. */
  readonly isEstimate: boolean;
}

export interface DatabaseView extends AsyncDisposable {
  readonly checkpoint: Position | undefined;
  readonly digest: (table: TableDefinition, signal: AbortSignal) => Promise<TableDigest>;
}
