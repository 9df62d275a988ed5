import { change } from "../../../model/replication/block.ts";
import { int32At, uint32At, uint8At, WireError } from "../../../wire/postgres/bytes.ts";
import {
  frame,
  locateDelete,
  locateInsert,
  locateUpdate,
  message,
  readBegin,
  readCommit,
  readKeepalive,
  readRelation,
  readStreamAbort,
  readStreamCommit,
  readStreamStart,
  readTruncate,
  streamedXid,
  xLogDataHeaderBytes,
  type Begin,
  type Commit,
  type Keepalive,
  type RowPlace,
  type StreamAbort,
  type StreamCommit,
} from "../../../wire/postgres/pgoutput/stream.ts";
import { backend, headerBytes, readServerError } from "../connection/backend-socket.ts";
import type { BlockBuilder } from "./block-builder.ts";
import type { Lsn } from "./lsn.ts";
import { ConnectionLost } from "../connection/source-error.ts";
import { spoolHeaderBytes, type SpooledTransaction } from "./spool.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";

/** Why the decoder stopped: behind a message, or at one that comes again. */
export type Stop =
  /** The region is used up. */
  | { readonly kind: "end" }
  /** A row of a table whose description has not been resolved. Comes again. */
  | { readonly kind: "unresolved"; readonly table: TrackedTable }
  /** A transaction begins that committed at or after `boundary`. Comes again until the boundary is moved. */
  | { readonly kind: "boundary"; readonly lsn: Lsn }
  | { readonly kind: "commit"; readonly commit: Commit }
  | { readonly kind: "keepalive"; readonly keepalive: Keepalive }
  /** Messages of a transaction in progress follow: `spool` must be set. */
  | { readonly kind: "stream"; readonly xid: number }
  | { readonly kind: "stream-commit"; readonly commit: StreamCommit }
  | { readonly kind: "stream-abort"; readonly abort: StreamAbort };

const end: Stop = { kind: "end" };
export const noBoundary: Lsn = 1n << 64n;

/** The properties of a transaction that matter to its rows. */
export type OpenTransaction = Pick<Begin, "commitLsn" | "xid">;

/**
 * Decodes regions of a replication stream and adds the changes of tracked tables to a block. Stops wherever it has to
 * wait for something. Pure except for its state: its position, and which transaction is open.
 */
export class Decoder {
  readonly #tables: ReadonlyMap<number, TrackedTable>;
  readonly #place: RowPlace = { relation: 0, oldTuple: -1, oldIsKey: false, newTuple: -1 };
  #transaction: OpenTransaction | undefined;
  #serial = 0;
  /** Receives the messages of a transaction in progress. */
  spool: SpooledTransaction | undefined;
  boundary: Lsn = noBoundary;
  /** Number of messages about transactions received so far. */
  received = 0;
  /** Where decoding of the region continues. */
  at = 0;

  constructor(tables: ReadonlyMap<number, TrackedTable>) {
    this.#tables = tables;
  }

  /** The transaction of the current rows. */
  get transaction(): OpenTransaction | undefined {
    return this.#transaction;
  }

  /** Begins a transaction whose messages were spooled until now; `undefined` ends it. */
  enter(transaction: OpenTransaction | undefined): void {
    this.#transaction = transaction;
    this.#serial += 1;
  }

  /** Continues in a region of the socket, from `at`. */
  decode(region: Uint8Array, block: BlockBuilder): Stop {
    while (this.at < region.length) {
      const kind = uint8At(region, this.at);
      const next = this.at + 1 + int32At(region, this.at + 1);
      const stop =
        kind === backend.copyData
          ? this.#frame({ region, at: this.at + headerBytes, end: next }, block)
          : other(region, this.at, kind);
      if (stop !== undefined && isPending(stop)) return stop;
      this.at = next;
      if (stop !== undefined) return stop;
    }
    return end;
  }

  /** Continues in a region of a spool, from `at`. */
  decodeSpooled(region: Uint8Array, spool: SpooledTransaction, block: BlockBuilder): Stop {
    while (this.at < region.length) {
      const at = this.at + spoolHeaderBytes;
      const next = at + int32At(region, this.at);
      // Descriptions count even if their subtransaction was rolled back: they are not sent again for its parent.
      const counts = uint8At(region, at) === message.relation || !spool.aborted.has(streamedXid(region, at));
      const stop = counts ? this.#change({ region, at, body: at + 5 }, block) : undefined;
      if (stop !== undefined) return stop;
      this.at = next;
    }
    return end;
  }

  #frame(found: { region: Uint8Array; at: number; end: number }, block: BlockBuilder): Stop | undefined {
    const { region } = found;
    const kind = uint8At(region, found.at);
    if (kind === frame.keepalive) return { kind: "keepalive", keepalive: readKeepalive(region, found.at) };
    if (kind !== frame.xLogData) throw new WireError(`a replication stream sent an unknown frame ${kind}`);
    this.received += 1;
    const at = found.at + xLogDataHeaderBytes;
    if (this.spool !== undefined) {
      if (uint8At(region, at) === message.streamStop) this.spool = undefined;
      else this.spool.append(region, at, found.end);
      return undefined;
    }
    return this.#change({ region, at, body: at + 1 }, block);
  }

  #change(found: { region: Uint8Array; at: number; body: number }, block: BlockBuilder): Stop | undefined {
    const { region, at, body } = found;
    const kind = uint8At(region, at);
    switch (kind) {
      case message.insert:
        locateInsert(region, body, this.#place);
        return this.#row(change.insert, block);
      case message.update:
        locateUpdate(region, body, this.#place);
        return this.#row(change.update, block);
      case message.delete:
        locateDelete(region, body, this.#place);
        return this.#row(change.delete, block);
      case message.relation:
        this.#describe(region, body);
        return undefined;
      case message.truncate:
        return this.#truncate(region, body, block);
      default:
        return this.#control(region, at, kind);
    }
  }

  #row(kind: number, block: BlockBuilder): Stop | undefined {
    const place = this.#place;
    const table = this.#tables.get(place.relation);
    if (table === undefined || this.#skips(table)) return undefined;
    const { relation } = table;
    if (!table.isResolved || relation === undefined) return { kind: "unresolved", table };
    if (table.block !== block.serial) {
      table.block = block.serial;
      table.subject = block.subject(relation);
    }
    block.row(kind, table.subject, place.oldTuple, place.newTuple);
    return undefined;
  }

  #skips(table: TrackedTable): boolean {
    if (table.transaction !== this.#serial) {
      if (this.#transaction === undefined) throw new WireError("a change came outside of a transaction");
      table.transaction = this.#serial;
      table.isSkipped = table.skips(this.#transaction.commitLsn);
    }
    return table.isSkipped;
  }

  #describe(region: Uint8Array, body: number): void {
    const table = this.#tables.get(uint32At(region, body));
    if (table === undefined) return;
    table.message = readRelation(region, body);
    table.isResolved = false;
  }

  #truncate(region: Uint8Array, body: number, block: BlockBuilder): Stop | undefined {
    const tables = readTruncate(region, body)
      .oids.map((oid) => this.#tables.get(oid))
      .filter((table) => table !== undefined && !this.#skips(table)) as TrackedTable[];
    const unresolved = tables.find(({ isResolved }) => !isResolved);
    if (unresolved !== undefined) return { kind: "unresolved", table: unresolved };
    for (const { relation } of tables)
      if (relation !== undefined) block.event({ kind: "truncated", relation });
    return undefined;
  }

  #control(region: Uint8Array, at: number, kind: number): Stop | undefined {
    switch (kind) {
      case message.begin:
        return this.#begin(readBegin(region, at));
      case message.commit:
        this.enter(undefined);
        return { kind: "commit", commit: readCommit(region, at) };
      case message.streamStart:
        return { kind: "stream", xid: readStreamStart(region, at).xid };
      case message.streamCommit: {
        const commit = readStreamCommit(region, at);
        return commit.commitLsn >= this.boundary
          ? { kind: "boundary", lsn: commit.commitLsn }
          : { kind: "stream-commit", commit };
      }
      case message.streamAbort:
        return { kind: "stream-abort", abort: readStreamAbort(region, at) };
      case message.origin:
      case message.type:
      case message.logical:
        return undefined;
      default:
        throw new WireError(`a replication stream sent an unknown message ${kind}`);
    }
  }

  #begin(begin: Begin): Stop | undefined {
    if (begin.commitLsn >= this.boundary) return { kind: "boundary", lsn: begin.commitLsn };
    this.enter(begin);
    return undefined;
  }
}

/** Whether the decoder stopped before a message, which comes again. */
function isPending({ kind }: Stop): boolean {
  return kind === "unresolved" || kind === "boundary";
}

function other(region: Uint8Array, at: number, kind: number): undefined {
  switch (kind) {
    case backend.notice:
    case backend.parameterStatus:
    case backend.copyBoth:
      return undefined;
    case backend.error:
      throw readServerError(region, at);
    // The server ends the stream when it shuts down.
    case backend.copyDone:
    case backend.commandComplete:
    case backend.readyForQuery:
      throw new ConnectionLost("the server ended the stream");
    default:
      throw new WireError(`a replication stream sent an unknown message ${kind} around its frames`);
  }
}
