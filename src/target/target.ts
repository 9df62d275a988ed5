import type { z } from "zod";
import type { Delta } from "../model/replication/delta.ts";
import type { TableDigest } from "../model/replication/digest.ts";
import type { Finding } from "../model/finding.ts";
import type { Position } from "../model/replication/position.ts";
import type { TableDefinition } from "../model/replication/relation.ts";
import type { Progress, TableRecord } from "../model/replication/table-state.ts";
import type { TableFailureReason } from "../model/replication/block.ts";

/** One kind of warehouse. Registered by a line in `engines.ts`. */
export interface TargetEngine {
  /**
   * The settings in the configuration file that only targets of this engine have, in addition to the common ones. The
   * schema must accept its own output unchanged.
   */
  readonly settings: z.ZodObject;
  readonly atomicity: Atomicity;
  readonly check: (request: WarehouseRequest, signal: AbortSignal) => Promise<readonly Finding[]>;
  readonly open: (request: WarehouseRequest, signal: AbortSignal) => Promise<Warehouse>;
}

/**
 * What becomes visible and durable together when a delta is applied.
 *
 * - `database`: everything up to a checkpoint, in all tables of the destination database. Readers see whole transactions
 *   of the source, and the checkpoint always fits the rows.
 * - `table`: everything up to a checkpoint, for each table separately. While a delta is applied, or after a crash until it
 *   is applied again, readers may see a transaction in one table and not yet in another. Each table stores its own
 *   position, so that applying a delta again changes nothing that it has already changed. The checkpoint of the database
 *   is written last.
 */
export type Atomicity = "database" | "table";

export interface WarehouseRequest {
  /** Belongs to this target alone; created if absent. */
  readonly directory: string;
  /** The output of the engine's `settings`. Only the engine has its type, and parses the value again. */
  readonly settings: unknown;
}

/** An open warehouse: several destination databases and the database `dev`, queried together. */
export interface Warehouse extends AsyncDisposable {
  /**
   * Opens the destination database that a stream fills, creating it if absent. A database that no stream owns is taken
   * over: its rows stay readable until the first copy of the new stream is revealed.
   *
   * The database stores the epoch of its last opening. An opening with a greater epoch fences every earlier writer:
   * nothing that they write afterwards becomes visible. Any other opening is late and is rejected.
   *
   * Throws `CodedError` (DATABASE_NAME_TAKEN if the name is reserved or another stream owns the database; TARGET_FENCED
   * if the stored epoch is not less than the epoch of the request).
   */
  readonly database: (request: DatabaseRequest, signal: AbortSignal) => Promise<DestinationDatabase>;
  /**
   * Every database, including `dev`, as of one moment. Any answer may be out of date when it arrives: `database`
   * decides who owns a database. Throws `CodedError` TARGET_FAILED if the warehouse cannot be queried.
   */
  readonly databases: (signal: AbortSignal) => Promise<readonly WarehouseDatabase[]>;
  /** Whether the warehouse reserves the name, so that no database can have it. Does not query the warehouse. */
  readonly isReserved: (name: string) => boolean;
  /**
   * Deletes a destination database that no stream owns. Throws `CodedError` (DATABASE_NOT_FOUND, DATABASE_IN_USE if a
   * stream owns it).
   */
  readonly dropDatabase: (name: string, signal: AbortSignal) => Promise<void>;
  /**
   * The stream has ended permanently: its database keeps its name and its rows, which stay readable, but has no owner.
   * If readers see no table in it, the next stream that requests its name gets it. Does nothing if the stream owns
   * none. Call it after the stream's `DestinationDatabase` has been disposed of.
   */
  readonly release: (stream: StreamIdentity, signal: AbortSignal) => Promise<void>;
  /** Read-only. Rows arrive in chunks; a slow reader does not block others. Throws `CodedError` QUERY_FAILED. */
  readonly query: (sql: string, signal: AbortSignal, nested?: NestedForm) => Promise<QueryResult>;
}

/** The stream that fills a database. Stored in the database, so that no other stream takes it over. */
export interface StreamIdentity {
  readonly integrationId: string;
  readonly sourceDatabase: string;
}

/** Where the rows of a destination database come from. */
export interface Origin {
  /** Identifies the source among all sources that ever fill the warehouse, such as by its ARN. */
  readonly source: string;
  readonly sourceDatabase: string;
}

/** One database of a warehouse. */
export type WarehouseDatabase = { readonly name: string } & (
  | { readonly kind: "owned"; readonly stream: StreamIdentity }
  /** A destination database that no stream owns. */
  | {
      readonly kind: "orphan";
      /** Unknown if the database was released by a version of zeroetl that did not record it. */
      readonly origin: Origin | undefined;
      /** Whether readers see no table in it. */
      readonly isVacant: boolean;
    }
  /** Not for streams: `dev`, or a database that cannot be used at present. */
  | { readonly kind: "other" }
);

export interface DatabaseRequest {
  readonly name: string;
  readonly stream: StreamIdentity;
  /** As in `Origin`. */
  readonly source: string;
  /** Numbers the openings of all databases; see `database`. */
  readonly epoch: number;
}

/** How values of nested types are written: in the warehouse's notation, which is the default, or as JSON. */
export type NestedForm = "text" | "json";

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Sentences for the user about limitations of the rows, for example that they are no longer updated. */
  readonly notices: readonly string[];
  /** Values as text in the warehouse's notation, null for NULL. */
  readonly rows: AsyncIterable<readonly (readonly (string | null)[])[]>;
}

/**
 * One destination database, written by one stream. A delta's rows, schema changes, table states and checkpoint become
 * visible and durable at the end of the delta that has a checkpoint, with the engine's `atomicity`. Tables that are
 * still hidden are not guaranteed to survive a change of engine.
 */
export interface DestinationDatabase extends AsyncDisposable {
  readonly name: string;
  /** As of the last commit. */
  readonly progress: () => Progress;
  /**
   * Applies deltas in the order of the stream, one at a time. Throws `TableError` if the target cannot store one
   * table's values, otherwise `CodedError` (TARGET_DISK_FULL, TARGET_FENCED, TARGET_FAILED); after either, uncommitted
   * changes are undone.
   */
  readonly apply: (delta: Delta, signal: AbortSignal) => Promise<void>;
  /**
   * Stores rows of tables that are being copied, and the changes that update them. It may run at the same time as
   * `apply`. The tables' `copy-started` has been committed; their `copy-finished` is applied later. Deltas have no
   * other events than `truncated` and `copied-part`. Everything applied up to a delta with a checkpoint is durable,
   * including the checkpoint's position and the progress of tables (see `Progress`). Throws as `apply` does, after which uncommitted changes are undone.
   */
  readonly applyCopies: (delta: Delta, signal: AbortSignal) => Promise<void>;
  /** Records that a table failed, in a separate transaction. Call it only between transactions. */
  readonly failTable: (table: TableDefinition, reason: TableFailureReason) => Promise<void>;
  /** Current rows and state for display, cheap; the same array as before if nothing has changed. */
  readonly tables: () => Promise<readonly TableMeasure[]>;
  /**
   * A reader's view of what is committed now; it does not change while the stream continues. Undefined if the engine
   * cannot provide such a view or cannot compute digests; the database then cannot be compared with its source.
   */
  readonly view: (() => Promise<DatabaseView>) | undefined;
}

export interface TableMeasure {
  readonly record: TableRecord;
  /** Rows copied so far for a table that is being copied. */
  readonly rows: number;
  /** If true, `rows` may include deleted rows or be out of date. */
  readonly isEstimate: boolean;
}

export interface DatabaseView extends AsyncDisposable {
  readonly checkpoint: Position | undefined;
  readonly digest: (table: TableDefinition, signal: AbortSignal) => Promise<TableDigest>;
}
