import { assert } from "../../../base/assert.ts";
import {
  fieldNull,
  fieldUnchanged,
  type FewFields,
  type Fields,
  type Piece,
  type TupleLayout,
  type TupleSpan,
} from "../../../model/replication/tuple.ts";
import { vectorRowsMax } from "../../../model/replication/vector.ts";
import { int16At, int32At, putInt16, putInt32, uint8At, WireError } from "../bytes.ts";

/**
 * A row of `COPY … (FORMAT binary)`: int16 number of fields, then for each its int32 length (−1: NULL) and bytes.
 * An offset points to the number of fields. PostgreSQL documentation, "COPY", "Binary Format".
 */
export const copyTuple: TupleLayout = {
  locate: locateInCopy,
  locateFew: locateFewInCopy,
  end: endInCopy,
  sizeOf(pieces) {
    let size = 2;
    for (const piece of pieces) size += 4 + Math.max(piece.length, 0);
    return size;
  },
  compose(pieces, out, start) {
    let at = start;
    putInt16(out, at, pieces.length);
    at += 2;
    for (const piece of pieces) {
      assert(piece.length >= fieldNull, "a copied row has all its values");
      putInt32(out, at, piece.length);
      at = putBytes(piece, out, at + 4);
    }
    return at;
  },
};

/**
 * TupleData of the logical replication messages: int16 number of columns, then for each its kind and, for text and
 * binary, int32 length and bytes. An offset points to the number of columns. Text and binary look alike from outside: a
 * column's codec knows in which of them its type is sent. PostgreSQL documentation, "Logical Replication Message
 * Formats".
 */
export const pgoutputTuple: TupleLayout = {
  locate: locateInPgoutput,
  locateFew: locateFewInPgoutput,
  end: endInPgoutput,
  sizeOf(pieces) {
    let size = 2;
    for (const piece of pieces) size += piece.length < 0 ? 1 : 5 + piece.length;
    return size;
  },
  compose(pieces, out, start) {
    let at = start;
    putInt16(out, at, pieces.length);
    at += 2;
    for (const piece of pieces) {
      if (piece.length < 0) {
        out[at] = piece.length === fieldNull ? kindNull : kindUnchanged;
        at += 1;
      } else {
        out[at] = kindBinary;
        putInt32(out, at + 1, piece.length);
        at = putBytes(piece, out, at + 5);
      }
    }
    return at;
  },
};

const kindNull = "n".charCodeAt(0);
const kindUnchanged = "u".charCodeAt(0);
const kindText = "t".charCodeAt(0);
const kindBinary = "b".charCodeAt(0);

function putBytes(piece: Piece, out: Uint8Array, at: number): number {
  if (piece.length <= 0) return at;
  out.set(piece.region.subarray(piece.start, piece.start + piece.length), at);
  return at + piece.length;
}

function locateInCopy(span: TupleSpan, columns: number, out: Fields): void {
  const { region, offsets, first, count } = span;
  const { starts, lengths } = out;
  out.region = region;
  for (let row = 0; row < count; row += 1) {
    let at = offsets[first + row] as number;
    if (int16At(region, at) < columns) refuseCount(int16At(region, at), columns);
    at += 2;
    const end = row + columns * vectorRowsMax;
    for (let index = row; index < end; index += vectorRowsMax) {
      const length = int32At(region, at);
      at += 4;
      starts[index] = at;
      lengths[index] = length;
      if (length > 0) at += length;
    }
    if (at > region.length) refuseEnd();
  }
}

function locateFewInCopy(wanted: FewFields, starts: Int32Array, lengths: Int32Array): void {
  const { region, offset, columns } = wanted;
  const last = columns.length === 0 ? -1 : (columns[columns.length - 1] as number);
  if (int16At(region, offset) <= last) refuseCount(int16At(region, offset), last + 1);
  let at = offset + 2;
  let column = 0;
  for (let entry = 0; entry < columns.length; entry += 1) {
    const target = columns[entry] as number;
    for (; column < target; column += 1) {
      const length = int32At(region, at);
      at += length > 0 ? 4 + length : 4;
    }
    starts[entry] = at + 4;
    lengths[entry] = int32At(region, at);
  }
}

function endInCopy(region: Uint8Array, offset: number): number {
  let at = offset + 2;
  for (let fields = int16At(region, offset); fields > 0; fields -= 1) {
    const length = int32At(region, at);
    at += length > 0 ? 4 + length : 4;
  }
  if (at > region.length) refuseEnd();
  return at;
}

function locateInPgoutput(span: TupleSpan, columns: number, out: Fields): void {
  const { region, offsets, first, count } = span;
  const { starts, lengths } = out;
  out.region = region;
  for (let row = 0; row < count; row += 1) {
    let at = offsets[first + row] as number;
    if (int16At(region, at) < columns) refuseCount(int16At(region, at), columns);
    at += 2;
    const end = row + columns * vectorRowsMax;
    for (let index = row; index < end; index += vectorRowsMax) {
      const kind = uint8At(region, at);
      if (kind === kindBinary || kind === kindText) {
        const length = int32At(region, at + 1);
        starts[index] = at + 5;
        lengths[index] = length;
        at += 5 + length;
      } else {
        starts[index] = at;
        lengths[index] = absent(kind);
        at += 1;
      }
    }
    if (at > region.length) refuseEnd();
  }
}

function locateFewInPgoutput(wanted: FewFields, starts: Int32Array, lengths: Int32Array): void {
  const { region, offset, columns } = wanted;
  const last = columns.length === 0 ? -1 : (columns[columns.length - 1] as number);
  if (int16At(region, offset) <= last) refuseCount(int16At(region, offset), last + 1);
  let at = offset + 2;
  let column = 0;
  for (let entry = 0; entry < columns.length; entry += 1) {
    const target = columns[entry] as number;
    for (; column < target; column += 1) at = endOfField(region, at);
    const kind = uint8At(region, at);
    const isSent = kind === kindBinary || kind === kindText;
    starts[entry] = at + 5;
    lengths[entry] = isSent ? int32At(region, at + 1) : absent(kind);
  }
}

function endInPgoutput(region: Uint8Array, offset: number): number {
  let at = offset + 2;
  for (let fields = int16At(region, offset); fields > 0; fields -= 1) at = endOfField(region, at);
  if (at > region.length) refuseEnd();
  return at;
}

function endOfField(region: Uint8Array, at: number): number {
  const kind = uint8At(region, at);
  if (kind === kindBinary || kind === kindText) return at + 5 + int32At(region, at + 1);
  absent(kind);
  return at + 1;
}

function absent(kind: number): number {
  if (kind === kindNull) return fieldNull;
  if (kind === kindUnchanged) return fieldUnchanged;
  throw new WireError(`a column of a replicated row has the unknown kind ${kind}`);
}

function refuseCount(fields: number, columns: number): never {
  throw new WireError(`a row has ${fields} fields where its table has ${columns} columns`);
}

function refuseEnd(): never {
  throw new WireError("a row goes on behind the bytes that were read");
}
