import type { SecretBytes } from "../base/secret.ts";
import type { Block } from "../model/replication/block.ts";
import type { Scope } from "../model/data-filter.ts";
import type { EngineKinds } from "../model/engine-kinds.ts";
import type { TableReading } from "../model/replication/digest.ts";
import type { Finding } from "../model/finding.ts";
import type { IntegrationError } from "../model/integration.ts";
import type { Position } from "../model/replication/position.ts";
import type { TableDefinition, TableName } from "../model/replication/relation.ts";
import type { Progress } from "../model/replication/table-state.ts";

/**
 * Distinguishes the streams of an integration, and is the name that users see. For an engine that has one stream per source
 * database, the name of that database.
 */
export type StreamKey = string;

/** Identifies a stream: one source database of one integration. The names of slot and publication derive from it. */
export interface StreamRequest {
  /** A connection string, including its secret. `database` replaces its database. */
  readonly url: string;
  readonly database: string;
  /** UUID of the integration. */
  readonly integrationId: string;
  readonly scope: Scope;
}

export interface OpenRequest extends StreamRequest {
  /** The target's progress. From it the source decides what to copy and where to continue. */
  readonly progress: Progress;
  /** For transactions that are sent before their commit. Exists, belongs to this stream, and is emptied on opening. */
  readonly spoolDirectory: string;
  /** The integration's data key: data read from the source is written to disk only if encrypted under it. */
  readonly dataKey: SecretBytes;
  /** How often the source's catalog is checked for new, changed and dropped tables. */
  readonly catalogPollMs: number;
  /** Reports the server's version, such as `15.4`, as soon as the server is reached. */
  readonly onVersion: (engineVersion: string) => void;
  /** Reports why every table needs a copy, such as a lost slot. */
  readonly notice: (notice: IntegrationError) => void;
  /** Reports what the tables to be copied wait for at the source; undefined when nothing blocks them any longer. */
  readonly onWait: (obstacle: IntegrationError | undefined) => void;
}

/** What reads some kinds of source databases. Stateless; registered in `engines.ts`. */
export interface SourceEngine {
  readonly kinds: EngineKinds;
  /** Validates a connection string from a configuration. Throws `CodedError` CONFIGURATION. */
  readonly validateUrl: (url: string) => void;
  /** The streams that a scope needs, each of which fills one destination database. */
  readonly streams: (scope: Scope) => readonly StreamKey[];
  /** Whether the scope selects the table, which the stream would carry. */
  readonly selects: (scope: Scope, stream: StreamKey, table: TableName) => boolean;
  /**
   * Checks whether a stream could start, without changing anything. Never throws for the conditions that it checks: an
   * unreachable host, a wrong password and a missing table are findings. Findings never contain secrets.
   */
  readonly check: (request: StreamRequest, signal: AbortSignal) => Promise<readonly Finding[]>;
  /** Throws `CodedError`. Publication and slot exist when it returns. */
  readonly open: (request: OpenRequest, signal: AbortSignal) => Promise<Source>;
  /** Removes slot and publication; succeeds if they no longer exist. Throws `CodedError` naming what remains. */
  readonly remove: (request: StreamRequest, signal: AbortSignal) => Promise<void>;
}

/** An open stream. Closing it leaves slot and publication in place. */
export interface Source extends AsyncDisposable {
  /**
   * Changes after the checkpoint of `Progress`, in commit order, every transaction whole. Changes of a table between its
   * `copy-started` and its `copy-finished` are left out: they come with its copy. Ends only by throwing: `CodedError`, `TableError`, or the signal's reason. Reads ahead by no
   * more than the socket buffers: a slow caller stops the server. May be called once.
   */
  readonly read: (signal: AbortSignal) => AsyncGenerator<Block, never, void>;
  /** The target holds everything up to `position` durably: the source may discard it. */
  readonly confirm: (position: Position) => void;
  /**
   * The rows of tables that are being copied, beside `read`: those of a table come after its `copy-started` has been
   * yielded by `read`, which yields its `copy-finished` when the target has confirmed all of them. The rows of a
   * snapshot are followed by the changes since, as blocks without other events than `truncated` and `copied-part`. A
   * copy that an earlier process began continues if `read` yields `copy-resumed` instead of `copy-started`. Where nothing
   * more follows until the target has confirmed all of it, the last block has `checkpointWanted`. Ends only by throwing,
   * as `read` does, which must be running. May be called once.
   */
  readonly copies: (signal: AbortSignal) => AsyncGenerator<Block, never, void>;
  /** The target holds durably what `copies` has yielded up to the cut with this position. */
  readonly confirmCopies: (position: Position) => void;
  /** For metrics; cheap. */
  readonly measures: () => SourceMeasures;
  /** How far the stream has come, relative to what the source has committed. As cheap as a getter. */
  readonly reach: () => Reach;
  /**
   * Takes a snapshot of the source and lets `read` run up to exactly its position (with a cut there and
   * `checkpointWanted`), where it pauses until `release`. `read` must be running.
   */
  readonly standstill: (signal: AbortSignal) => Promise<Standstill>;
}

export interface SourceMeasures {
  /** WAL that the source retains for this stream and its copies; undefined until known. */
  readonly retainedBytes: number | undefined;
  readonly bytesRead: number;
  /**
   * Ids of selected tables that need a copy and whose `copy-started` (or `failed`) has not been yielded yet: until then
   * the integration is not complete. Undefined until the selection is known.
   */
  readonly copiesWaiting: ReadonlySet<string> | undefined;
  /** Tables whose rows are being read for a copy, by id, except small ones. */
  readonly copies: ReadonlyMap<string, CopyMeasure>;
}

/** How far a copy has read its table. Approximate: the size is that of the table when the copy was planned. */
export interface CopyMeasure {
  /** Of `bytes`, including what was read before a restart. */
  readonly bytesRead: number;
  readonly bytes: number;
  /** Since this process began to read the table; undefined until it has read a part. */
  readonly bytesPerSecond: number | undefined;
}

/** Times are ms since 1970 on this machine's clock. */
export interface Reach {
  /** Everything that the source had committed by this time has been yielded. Undefined until known for any time. */
  readonly completeAtMs: number | undefined;
  /**
   * When the source was asked for its position, if the stream has not reached that position yet; undefined if it has.
   */
  readonly waitingSinceMs: number | undefined;
  /** Set when the stream has stalled although the source advances and the reader waits for it. */
  readonly stall: Stall | undefined;
}

export interface Stall {
  readonly sinceMs: number;
  /** Human-readable: the cause according to the source, and what to do. */
  readonly cause: string;
}

/** A snapshot of the source at a position at which the stream waits. Disposing of it releases the stream. */
export interface Standstill extends AsyncDisposable {
  readonly position: Position;
  /** Lets the stream continue; the snapshot remains until disposed of. May be called twice. */
  readonly release: () => void;
  readonly digest: (table: TableDefinition, signal: AbortSignal) => Promise<TableReading>;
}
