import { assert } from "../../src/base/assert.ts";
import type { LogicalType } from "../../src/model/replication/logical-type.ts";
import {
  ValueError,
  type Column,
  type Relation,
  type ReplicaIdentity,
} from "../../src/model/replication/relation.ts";
import {
  fieldNull,
  fieldUnchanged,
  type TupleLayout,
  type TupleRun,
} from "../../src/model/replication/tuple.ts";
import { vectorRowsMax, widthOf } from "../../src/model/replication/vector.ts";

/**
 * The plainest tuples there can be, for tests of targets without a source: each field is an int32 length (little
 * endian, or `fieldNull`, or `fieldUnchanged`) and the value in the layout of `Vector`.
 */
export const plainTuple: TupleLayout = {
  locate({ region, offsets, first, count }, columns, out) {
    out.region = region;
    const view = viewOf(region);
    for (let row = 0; row < count; row++) {
      let at = offsets[first + row] ?? 0;
      for (let column = 0; column < columns; column++) {
        const length = view.getInt32(at, true);
        out.starts[column * vectorRowsMax + row] = at + 4;
        out.lengths[column * vectorRowsMax + row] = length;
        at += 4 + Math.max(0, length);
      }
    }
  },
  locateFew({ region, offset, columns }, starts, lengths) {
    const view = viewOf(region);
    let at = offset;
    for (let column = 0, found = 0; found < columns.length; column++) {
      const length = view.getInt32(at, true);
      if (columns[found] === column) {
        starts[found] = at + 4;
        lengths[found++] = length;
      }
      at += 4 + Math.max(0, length);
    }
  },
  // Tuples end with the number −3, which no length is.
  end(region, offset) {
    const view = viewOf(region);
    let at = offset;
    for (;;) {
      const length = view.getInt32(at, true);
      at += 4;
      if (length === tupleEnd) return at;
      at += Math.max(0, length);
    }
  },
  compose() {
    throw new Error("targets compose no tuples");
  },
  sizeOf() {
    throw new Error("targets compose no tuples");
  },
};

const tupleEnd = -3;

function viewOf(region: Uint8Array): DataView {
  return new DataView(region.buffer, region.byteOffset, region.byteLength);
}

/** A value that no column can hold: its decoder throws a `ValueError`. */
export const impossible = Symbol("impossible");
export const unchanged = Symbol("unchanged");

/** Text as a string, bytes as they are; numbers by their type; null for NULL. */
export type Cell =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | typeof impossible
  | typeof unchanged;

const impossibleBytes = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x00);

/** Several tuples in one region, `gap` bytes of something else before each. */
export function runOf(relation: Relation, rows: readonly (readonly Cell[])[], gap = 0): TupleRun {
  const pieces: Buffer[] = [];
  const offsets = new Int32Array(rows.length);
  let at = 0;
  for (const [index, row] of rows.entries()) {
    assert(row.length === relation.columns.length, "a row has a cell for each column");
    const tuple = Buffer.concat([
      ...relation.columns.map((column, position) => field(column.type, row[position] ?? null)),
      int32(tupleEnd),
    ]);
    pieces.push(Buffer.alloc(gap, 0xaa), tuple);
    offsets[index] = at + gap;
    at += gap + tuple.length;
  }
  return { layout: plainTuple, region: Buffer.concat(pieces), offsets };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function field(type: LogicalType, cell: Cell): Buffer {
  if (cell === null) return int32(fieldNull);
  if (cell === unchanged) return int32(fieldUnchanged);
  const bytes = encoded(type, cell);
  return Buffer.concat([int32(bytes.length), bytes]);
}

/** The bytes of a field that has a value. */
export function encoded(type: LogicalType, cell: Exclude<Cell, null | typeof unchanged>): Uint8Array {
  if (cell === impossible) return impossibleBytes;
  if (cell instanceof Uint8Array) return cell;
  if (typeof cell === "string") return Buffer.from(cell);
  const width = widthOf(type);
  const bytes = Buffer.alloc(width);
  if (type.kind === "float64") bytes.writeDoubleLE(Number(cell));
  else if (type.kind === "float32") bytes.writeFloatLE(Number(cell));
  else {
    let rest = BigInt.asUintN(width * 8, BigInt(cell));
    for (let index = 0; index < width; index++, rest >>= 8n) bytes[index] = Number(rest & 0xffn);
  }
  return bytes;
}

/** The tuples of runs of any layout whose fixed-width values are as in `Vector`. Whole numbers are bigints. */
export function cellsOf({ columns }: Relation, runs: readonly TupleRun[]): Cell[][] {
  const positions = [...columns.keys()];
  const starts = new Int32Array(columns.length);
  const lengths = new Int32Array(columns.length);
  return runs.flatMap(({ layout, region, offsets }) =>
    [...offsets].map((offset) => {
      layout.locateFew({ region, offset, columns: positions }, starts, lengths);
      return columns.map(({ type }, position) => {
        const start = starts[position] ?? 0;
        const length = lengths[position] ?? 0;
        if (length === fieldNull) return null;
        return length === fieldUnchanged ? unchanged : decoded(type, region.subarray(start, start + length));
      });
    }),
  );
}

function decoded({ kind }: LogicalType, bytes: Uint8Array): Cell {
  if (kind === "text" || kind === "json") return Buffer.from(bytes).toString();
  if (kind === "bytes") return bytes;
  if (kind === "float64") return Buffer.from(bytes).readDoubleLE();
  const digits = Buffer.from(bytes).reverse().toString("hex");
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${digits}`));
}

/** The 16 bytes of an interval. */
export function interval(months: number, days: number, microseconds: bigint): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(months, 0);
  bytes.writeInt32LE(days, 4);
  bytes.writeBigInt64LE(microseconds, 8);
  return bytes;
}

/** `id` stays through renames; columns in order; `key`: names of the key columns, none: identified by the whole row. */
export interface PlainTable {
  readonly id: string;
  readonly schema?: string;
  readonly name?: string;
  readonly columns: Readonly<Record<string, LogicalType>>;
  readonly key?: readonly string[];
}

export function plainRelation({ id, schema = "public", name = id, columns, key }: PlainTable): Relation {
  const names = Object.keys(columns);
  const identity: ReplicaIdentity =
    key === undefined
      ? { kind: "row" }
      : { kind: "key", columns: key.map((column) => names.indexOf(column)) };
  return {
    id,
    name: { schema, table: name },
    columns: Object.entries(columns).map(([column, type], index) => plainColumn(index + 1, column, type)),
    identity,
  };
}

export function plainColumn(id: number, name: string, type: LogicalType): Column {
  return {
    id,
    name,
    type,
    sourceType: type.kind,
    decode(fields, { first, count }, out) {
      if (out.width === 0) out.arena = fields.region;
      for (let row = 0; row < count; row++) {
        const start = fields.starts[first + row] ?? 0;
        const length = fields.lengths[first + row] ?? 0;
        out.valid[row] = length < 0 ? 0 : 1;
        if (length < 0) continue;
        const bytes = fields.region.subarray(start, start + length);
        if (Buffer.compare(bytes, impossibleBytes) === 0) throw new ValueError("a value is impossible");
        if (out.width > 0) {
          assert(length === out.width, "a fixed-width value has its width");
          out.data.set(bytes, row * out.width);
        } else {
          out.starts[row] = start;
          out.lengths[row] = length;
        }
      }
    },
  };
}
