import { int16At, int32At, uint16At, WireError } from "./bytes.ts";

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);
const single = new Float32Array(1);
const singleWords = new Int32Array(single.buffer);

/** A position inside the bytes of one value. Reads are big-endian, advance the position, and never leave the value. */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  /** Begins a value. */
  open(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = start + length;
  }

  get left(): number {
    return this.end - this.at;
  }

  uint8(): number {
    return this.bytes[this.skip(1)] as number;
  }

  uint16(): number {
    return uint16At(this.bytes, this.skip(2));
  }

  int16(): number {
    return int16At(this.bytes, this.skip(2));
  }

  int32(): number {
    return int32At(this.bytes, this.skip(4));
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  int64(): bigint {
    const high = BigInt(this.int32());
    return (high << 32n) | BigInt(this.uint32());
  }

  float32(): number {
    singleWords[0] = this.int32();
    return single[0] as number;
  }

  float64(): number {
    doubleWords[1] = this.int32();
    doubleWords[0] = this.int32();
    return double[0] as number;
  }

  /** The text up to a zero byte, which is skipped. */
  zeroTerminated(): Uint8Array {
    const zero = this.bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) throw new WireError("a string inside a value does not end");
    const text = this.bytes.subarray(this.at, zero);
    this.at = zero + 1;
    return text;
  }

  /** Advances by `count` bytes and returns their start. */
  skip(count: number): number {
    const from = this.at;
    if (count < 0 || from + count > this.end) throw new WireError("a value ends too early");
    this.at = from + count;
    return from;
  }

  /** Narrows to a part of `length` bytes; pass the result to `leave` when the part has been read. */
  enter(length: number): number {
    const outer = this.end;
    if (length < 0 || this.at + length > outer) throw new WireError("a part of a value ends too late");
    this.end = this.at + length;
    return outer;
  }

  /** Makes sure that the part, or the whole value, has been read completely. */
  leave(outer: number): void {
    if (this.at !== this.end) throw new WireError("a value is longer than its type allows");
    this.end = outer;
  }
}
