import type { SecretBytes } from "../base/secret.ts";
import type { Block } from "../model/replication/block.ts";
import type { Scope } from "../model/data-filter.ts";
import type { TableReading } from "../model/replication/digest.ts";
import type { Finding } from "../model/finding.ts";
import type { IntegrationError } from "../model/integration.ts";
import type { Position } from "../model/replication/position.ts";
import type { TableDefinition, TableName } from "../model/replication/relation.ts";
import type { Progress } from "../model/replication/table-state.ts";

/**
 * Distinguishes the streams of an integration, and is the name that users see. For an engine that has one stream a source
 * database, the name of that database.
 */
export type StreamKey = string;

/** Which stream: one source database of one integration. Names slot and publication at the source. */
export interface StreamRequest {
  /** A connection string, with its secret. Its database is replaced by `database`. */
  readonly url: string;
  readonly database: string;
  /** Uuid of the integration. */
  readonly integrationId: string;
  readonly scope: Scope;
}

export interface OpenRequest extends StreamRequest {
  /** What the target holds. The source decides from it what to copy and where to go on. */
  readonly progress: Progress;
  /** For transactions that are sent before their commit. Exists, belongs to this stream, and is emptied at opening. */
  readonly spoolDirectory: string;
  /** The integration's data key: nothing that was read is on the disk without being encrypted under it. */
  readonly dataKey: SecretBytes;
  /** How often the source's catalog is looked at for new, changed and dropped tables. */
  readonly catalogPollMs: number;
  /** Reports the server's version, such as `15.4`, as soon as the server has been reached. */
  readonly onVersion: (engineVersion: string) => void;
  /** Reports what made every table need a copy, such as a slot that was lost. */
  readonly notice: (notice: IntegrationError) => void;
  /** Reports what tables that are to be copied wait for at the source; undefined where nothing is in the way any more. */
  readonly onWait: (obstacle: IntegrationError | undefined) => void;
}

/** One kind of source database. Stateless; a registry line in `engines.ts`. */
export interface SourceEngine {
  /** Connection strings that a configuration may give, for its validation. Throws `CodedError` CONFIGURATION. */
  readonly validateUrl: (url: string) => void;
  /** The streams that a scope needs, each of which fills one destination database. */
  readonly streams: (scope: Scope) => readonly StreamKey[];
  /** Whether the scope selects the table, which the stream would carry. */
  readonly selects: (scope: Scope, stream: StreamKey, table: TableName) => boolean;
  /**
   * Looks whether a stream could start, without changing anything. Never throws for what it looks for: an
   * unreachable host, a wrong password, a missing table are findings. Secrets never appear in one.
   */
  readonly check: (request: StreamRequest, signal: AbortSignal) => Promise<readonly Finding[]>;
  /** Throws `CodedError`. Publication and slot stand when it returns. */
  readonly open: (request: OpenRequest, signal: AbortSignal) => Promise<Source>;
  /** Removes slot and publication; fine when they are gone already. Throws `CodedError` with what is left. */
  readonly remove: (request: StreamRequest, signal: AbortSignal) => Promise<void>;
}

/** An open stream. Closing it leaves slot and publication in place. */
export interface Source extends AsyncDisposable {
  /**
   * Changes after the checkpoint of `Progress`, in commit order, every transaction whole; copies of tables that need
   * one are woven in. Ends only by throwing: `CodedError`, `TableError`, or the signal's reason. Reads ahead by
   * nothing but socket buffers: a slow caller stops the server. May be called once.
   */
  readonly read: (signal: AbortSignal) => AsyncGenerator<Block, never, void>;
  /** The target holds everything up to `position` durably: the source may forget it. */
  readonly confirm: (position: Position) => void;
  /** For metrics; cheap. */
  readonly measures: () => SourceMeasures;
  /** How far the stream has come, measured against what the source has committed. As cheap as a getter. */
  readonly reach: () => Reach;
  /**
   * Takes a snapshot of the source and lets `read` run up to exactly its position (with a cut there and
   * `checkpointWanted`), where it stands still until `release`. `read` must be running.
   */
  readonly standstill: (signal: AbortSignal) => Promise<Standstill>;
}

export interface SourceMeasures {
  /** WAL that the source keeps for this stream; undefined until known. */
  readonly retainedBytes: number | undefined;
  readonly bytesRead: number;
  /**
   * Ids of selected tables that need a copy and whose `copy-started` (or `failed`) has not been yielded yet: the
   * integration is not complete before that. Undefined until the selection is known.
   */
  readonly copiesWaiting: ReadonlySet<string> | undefined;
}

/** Times are ms since 1970 on this machine's clock. */
export interface Reach {
  /** Everything that the source had committed by then has been yielded. Undefined until that is known of any time. */
  readonly completeAtMs: number | undefined;
  /** The source was asked then how far it is, and the stream has not arrived there; undefined where it has. */
  readonly waitingSinceMs: number | undefined;
  /** The stream stands still, although the source goes on and the reader waits for it. */
  readonly stall: Stall | undefined;
}

export interface Stall {
  readonly sinceMs: number;
  /** What the source says about it, and what to do, for people. */
  readonly cause: string;
}

/** A snapshot of the source at a position at which the stream waits. Disposing of it releases. */
export interface Standstill extends AsyncDisposable {
  readonly position: Position;
  /** Lets the stream go on; the snapshot stays until disposed of. May be called twice. */
  readonly release: () => void;
  readonly digest: (table: TableDefinition, signal: AbortSignal) => Promise<TableReading>;
}
