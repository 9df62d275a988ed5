import { expect, test } from "vitest";
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
  standbyStatus,
  streamedXid,
  type RowPlace,
} from "./stream.ts";

/** Bytes in hexadecimal, and text in quotes. */
function bytes(parts: string): Buffer {
  return Buffer.concat(
    [...parts.matchAll(/'([^']*)'|([0-9a-f]+)/g)].map(([, text, hex]) =>
      text === undefined ? Buffer.from(hex ?? "", "hex") : Buffer.from(text),
    ),
  );
}

const nowhere = (): RowPlace => ({ relation: 0, oldTuple: 0, oldIsKey: false, newTuple: 0 });

// 2024-01-02 03:04:05.678901 UTC.
const clock = "0002b0d4b9396f75";
const clockMs = Number(BigInt(`0x${clock}`)) / 1000 + 946_684_800_000;

test("a keepalive says where the server is and whether it wants an answer", () => {
  const region = bytes(`ffff 'k' 00000001 0000abcd ${clock} 01`);
  expect(region[2]).toBe(frame.keepalive);
  expect(readKeepalive(region, 2)).toEqual({
    walEnd: 0x1_0000_abcdn,
    sentAtMs: clockMs,
    replyRequested: true,
  });
});

test("a status report holds three positions and the clock since 2000", () => {
  const status = {
    written: 0x1_0000_0001n,
    flushed: 2n,
    applied: 3n,
    nowMs: 946_684_800_001,
    replyRequested: true,
  };
  expect(Buffer.from(standbyStatus(status)).toString("hex")).toBe(
    bytes("'r' 0000000100000001 0000000000000002 0000000000000003 00000000000003e8 01").toString("hex"),
  );
});

test("begin and commit give the positions and the time of a transaction", () => {
  const begin = bytes(`'B' 00000000 01a2b3c4 ${clock} 000002f0`);
  expect(readBegin(begin, 0)).toEqual({ commitLsn: 0x1a2b3c4n, committedAtMs: clockMs, xid: 752 });
  const commit = bytes(`'C' 00 00000000 01a2b3c4 00000000 01a2b3f0 ${clock}`);
  expect(readCommit(commit, 0)).toEqual({
    commitLsn: 0x1a2b3c4n,
    endLsn: 0x1a2b3f0n,
    committedAtMs: clockMs,
  });
});

test("the messages of a streamed transaction name it", () => {
  expect(readStreamStart(bytes("'S' 000002f0 01"), 0)).toEqual({ xid: 752, first: true });
  expect(readStreamAbort(bytes("'A' 000002f0 000002f1"), 0)).toEqual({ xid: 752, subXid: 753 });
  expect(streamedXid(bytes("'I' 000002f1 00004001"), 0)).toBe(753);
  const commit = bytes(`'c' 000002f0 00 00000000 00000001 00000000 00000002 ${clock}`);
  expect(readStreamCommit(commit, 0)).toEqual({
    xid: 752,
    commitLsn: 1n,
    endLsn: 2n,
    committedAtMs: clockMs,
  });
});

test("a relation has its names, identity and columns", () => {
  const region = bytes(
    `'R' 00004001 'public' 00 'ä b' 00 'd' 0002 01 'id' 00 00000017 ffffffff 00 'v' 00 00000413 0000000a`,
  );
  expect(readRelation(region, 1)).toEqual({
    oid: 0x4001,
    schema: "public",
    table: "ä b",
    identity: "default",
    columns: [
      { name: "id", isKey: true, typeOid: 23, modifier: -1 },
      { name: "v", isKey: false, typeOid: 1043, modifier: 10 },
    ],
  });
});

test("a relation of pg_catalog is sent without a schema", () => {
  expect(readRelation(bytes("00000001 00 't' 00 'f' 0000"), 0)).toMatchObject({
    schema: "pg_catalog",
    identity: "full",
  });
});

test("a truncate names its relations and options", () => {
  const region = bytes("'T' 00000002 03 00004001 00004002");
  expect(readTruncate(region, 1)).toEqual({ oids: [0x4001, 0x4002], cascade: true, restartIdentity: true });
});

test("an insert has a new tuple", () => {
  const place = nowhere();
  locateInsert(bytes("'I' 00004001 'N' 0001 'n'"), 1, place);
  expect(place).toEqual({ relation: 0x4001, oldTuple: -1, oldIsKey: false, newTuple: 6 });
});

test("an update has the old key where it changed, the old row where the identity is full, or only the new row", () => {
  const place = nowhere();
  locateUpdate(bytes("'U' 00004001 'N' 0001 'n'"), 1, place);
  expect(place).toEqual({ relation: 0x4001, oldTuple: -1, oldIsKey: false, newTuple: 6 });
  locateUpdate(bytes("'U' 00004001 'K' 0002 'b' 00000001 07 'n' 'N' 0001 'n'"), 1, place);
  expect(place).toEqual({ relation: 0x4001, oldTuple: 6, oldIsKey: true, newTuple: 16 });
  locateUpdate(bytes("'U' 00004001 'O' 0001 'u' 'N' 0001 'n'"), 1, place);
  expect(place).toEqual({ relation: 0x4001, oldTuple: 6, oldIsKey: false, newTuple: 10 });
});

test("a delete has the old key or the old row", () => {
  const place = nowhere();
  locateDelete(bytes("'D' 00004001 'K' 0001 'n'"), 1, place);
  expect(place).toEqual({ relation: 0x4001, oldTuple: 6, oldIsKey: true, newTuple: -1 });
});

test("what is not of the announced form is refused", () => {
  const place = nowhere();
  expect(() => readBegin(bytes("'C'"), 0)).toThrow(/byte 66/);
  expect(() => locateInsert(bytes("'I' 00004001 'K' 0001 'n'"), 1, place)).toThrow(/byte 78/);
  expect(() => locateDelete(bytes("'D' 00004001 'N' 0001 'n'"), 1, place)).toThrow(/unknown mark 78/);
  expect(() => readRelation(bytes("00000001 'public'"), 0)).toThrow(/does not end/);
  expect(() => readRelation(bytes("00000001 00 't' 00 'x' 0000"), 0)).toThrow(/identity/);
  expect(message.insert).toBe("I".charCodeAt(0));
});
