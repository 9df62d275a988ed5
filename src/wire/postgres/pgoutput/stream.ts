import { int32At, int64At, putInt64, uint16At, uint32At, uint8At, WireError } from "../bytes.ts";
import { pgoutputTuple } from "./tuple.ts";

/*
 * The output of a walsender, as pure functions over bytes: the frames of PostgreSQL documentation "Streaming
 * Replication Protocol" and, inside XLogData, the messages of "Logical Replication Message Formats", protocol versions
 * 1 and 2.
 *
 * Inside a streamed transaction (between Stream Start and Stream Stop) relation, type, insert, update, delete, truncate
 * and logical messages contain their transaction id, 4 bytes, after the kind. The readers here accept `body`, the
 * offset after both: `at + 1`, or `at + 5` in a streamed transaction.
 */

/** Kinds of frames in the CopyData of a replication stream. */
export const frame = { xLogData: 0x77 /* w */, keepalive: 0x6b /* k */ } as const;

/** XLogData: kind, int64 start of the WAL, int64 end of it, int64 clock; then one message. */
export const xLogDataHeaderBytes = 25;

/** Kinds of messages of pgoutput: their first byte. */
export const message = {
  begin: 0x42 /* B */,
  commit: 0x43 /* C */,
  origin: 0x4f /* O */,
  relation: 0x52 /* R */,
  type: 0x59 /* Y */,
  insert: 0x49 /* I */,
  update: 0x55 /* U */,
  delete: 0x44 /* D */,
  truncate: 0x54 /* T */,
  logical: 0x4d /* M */,
  streamStart: 0x53 /* S */,
  streamStop: 0x45 /* E */,
  streamCommit: 0x63 /* c */,
  streamAbort: 0x41 /* A */,
} as const;

export interface Keepalive {
  /** End of WAL on the server. */
  readonly walEnd: bigint;
  readonly sentAtMs: number;
  readonly replyRequested: boolean;
}

/** `at`: the kind of the frame. */
export function readKeepalive(region: Uint8Array, at: number): Keepalive {
  expectByte(region, at, frame.keepalive);
  return {
    walEnd: int64At(region, at + 1),
    sentAtMs: clockMs(region, at + 9),
    replyRequested: uint8At(region, at + 17) === 1,
  };
}

export interface StandbyStatus {
  readonly written: bigint;
  readonly flushed: bigint;
  readonly applied: bigint;
  readonly nowMs: number;
  readonly replyRequested: boolean;
}

/** The payload of a CopyData message that reports progress to the server. */
export function standbyStatus(status: StandbyStatus): Uint8Array {
  const bytes = new Uint8Array(34);
  bytes[0] = 0x72; // r
  putInt64(bytes, 1, status.written);
  putInt64(bytes, 9, status.flushed);
  putInt64(bytes, 17, status.applied);
  putInt64(bytes, 25, BigInt(Math.round((status.nowMs - epochMs) * 1000)));
  bytes[33] = status.replyRequested ? 1 : 0;
  return bytes;
}

export interface Begin {
  /** The LSN of the commit record. */
  readonly commitLsn: bigint;
  readonly committedAtMs: number;
  readonly xid: number;
}

/** `at`: the kind of the message, here and below unless it says `body`. */
export function readBegin(region: Uint8Array, at: number): Begin {
  expectByte(region, at, message.begin);
  return {
    commitLsn: int64At(region, at + 1),
    committedAtMs: clockMs(region, at + 9),
    xid: uint32At(region, at + 17),
  };
}

export interface Commit {
  /** Where the commit record begins. */
  readonly commitLsn: bigint;
  /** Where it ends: the position to confirm so that the server does not send the transaction again. */
  readonly endLsn: bigint;
  readonly committedAtMs: number;
}

export function readCommit(region: Uint8Array, at: number): Commit {
  expectByte(region, at, message.commit);
  return commitAt(region, at + 2);
}

function commitAt(region: Uint8Array, at: number): Commit {
  return {
    commitLsn: int64At(region, at),
    endLsn: int64At(region, at + 8),
    committedAtMs: clockMs(region, at + 16),
  };
}

export interface StreamStart {
  readonly xid: number;
  /** Whether this is the first piece of the transaction. */
  readonly first: boolean;
}

export function readStreamStart(region: Uint8Array, at: number): StreamStart {
  expectByte(region, at, message.streamStart);
  return { xid: uint32At(region, at + 1), first: uint8At(region, at + 5) === 1 };
}

export interface StreamCommit extends Commit {
  readonly xid: number;
}

export function readStreamCommit(region: Uint8Array, at: number): StreamCommit {
  expectByte(region, at, message.streamCommit);
  return { xid: uint32At(region, at + 1), ...commitAt(region, at + 6) };
}

export interface StreamAbort {
  readonly xid: number;
  /** The subtransaction that was aborted; equal to `xid` if it is the whole transaction. */
  readonly subXid: number;
}

export function readStreamAbort(region: Uint8Array, at: number): StreamAbort {
  expectByte(region, at, message.streamAbort);
  return { xid: uint32At(region, at + 1), subXid: uint32At(region, at + 5) };
}

/** The transaction id of a message in a streamed transaction: the subtransaction's, if there is one. */
export function streamedXid(region: Uint8Array, at: number): number {
  return uint32At(region, at + 1);
}

export interface RelationMessage {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly identity: "default" | "nothing" | "full" | "index";
  readonly columns: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity; with identity full, every column is. */
  readonly isKey: boolean;
  readonly typeOid: number;
  readonly modifier: number;
}

const identities: Readonly<Record<string, RelationMessage["identity"]>> = {
  d: "default",
  n: "nothing",
  f: "full",
  i: "index",
};

export function readRelation(region: Uint8Array, body: number): RelationMessage {
  const schema = textAt(region, body + 4);
  const table = textAt(region, schema.end);
  const identity = identities[String.fromCharCode(uint8At(region, table.end))];
  if (identity === undefined) throw new WireError("a relation has an unknown replica identity");
  const columns: RelationColumn[] = [];
  let at = table.end + 3;
  for (let count = uint16At(region, table.end + 1); count > 0; count -= 1) {
    const name = textAt(region, at + 1);
    columns.push({
      name: name.text,
      isKey: (uint8At(region, at) & 1) === 1,
      typeOid: uint32At(region, name.end),
      modifier: int32At(region, name.end + 4),
    });
    at = name.end + 8;
  }
  return {
    oid: uint32At(region, body),
    schema: schema.text || "pg_catalog",
    table: table.text,
    identity,
    columns,
  };
}

export interface TruncateMessage {
  readonly oids: readonly number[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

export function readTruncate(region: Uint8Array, body: number): TruncateMessage {
  const count = uint32At(region, body);
  const options = uint8At(region, body + 4);
  const oids = Array.from({ length: count }, (_, index) => uint32At(region, body + 5 + 4 * index));
  return { oids, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
}

/**
 * Where the tuples of one insert, update or delete are: the object is reused for each, so that a row does not allocate
 * one.
 */
export interface RowPlace {
  /** Oid of the relation. */
  relation: number;
  /** Offset of the old tuple (`pgoutputTuple`), or −1. */
  oldTuple: number;
  /** Whether the old tuple has only the key columns, with NULL in the others. */
  oldIsKey: boolean;
  /** Offset of the new tuple, or −1. */
  newTuple: number;
}

const markNew = 0x4e; // N
const markKey = 0x4b; // K
const markOld = 0x4f; // O

/** Insert: int32 relation, `N`, tuple. */
export function locateInsert(region: Uint8Array, body: number, out: RowPlace): void {
  expectByte(region, body + 4, markNew);
  out.relation = uint32At(region, body);
  out.oldTuple = -1;
  out.oldIsKey = false;
  out.newTuple = body + 5;
}

/** Update: int32 relation; `K` and the old key if it changed, or `O` and the old row if the identity is full; `N`, tuple. */
export function locateUpdate(region: Uint8Array, body: number, out: RowPlace): void {
  if (uint8At(region, body + 4) === markNew) {
    locateInsert(region, body, out);
    return;
  }
  locateDelete(region, body, out);
  const behindOld = pgoutputTuple.end(region, out.oldTuple);
  expectByte(region, behindOld, markNew);
  out.newTuple = behindOld + 1;
}

/** Delete: int32 relation; `K` and the key, or `O` and the old row. */
export function locateDelete(region: Uint8Array, body: number, out: RowPlace): void {
  const mark = uint8At(region, body + 4);
  if (mark !== markKey && mark !== markOld) throw new WireError(`an old row has the unknown mark ${mark}`);
  out.relation = uint32At(region, body);
  out.oldTuple = body + 5;
  out.oldIsKey = mark === markKey;
  out.newTuple = -1;
}

/** 2000-01-01, PostgreSQL's epoch, in ms since 1970. */
const epochMs = 946_684_800_000;

function clockMs(region: Uint8Array, at: number): number {
  const micros = int32At(region, at) * 4_294_967_296 + uint32At(region, at + 4);
  return epochMs + micros / 1000;
}

function expectByte(region: Uint8Array, at: number, expected: number): void {
  if (region[at] !== expected)
    throw new WireError(`byte ${expected} of a replication message is ${region[at] ?? "behind the end"}`);
}

const utf8 = new TextDecoder();

/** A zero-terminated string; `end` is the offset after it. */
function textAt(region: Uint8Array, start: number): { text: string; end: number } {
  const zero = region.indexOf(0, start);
  if (zero < 0) throw new WireError("a string of a replication message does not end");
  return { text: utf8.decode(region.subarray(start, zero)), end: zero + 1 };
}
