import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText } from "../../../../test/support/canonical-text.ts";
import { ValueError } from "../../../model/replication/relation.ts";
import { Fields } from "../../../model/replication/tuple.ts";
import { Vector } from "../../../model/replication/vector.ts";
import { decodeDecimal, numericNaN, numericNegative } from "./decimal.ts";

interface Encoded {
  readonly groups: readonly number[];
  readonly weight: number;
  readonly sign: number;
}

/** As numeric_send writes a value of `scale` decimals: groups of four digits around the point, without outer zeros. */
function encode(value: bigint, scale: number): Encoded {
  const fractionGroups = Math.ceil(scale / 4);
  let rest = (value < 0n ? -value : value) * 10n ** BigInt(fractionGroups * 4 - scale);
  const groups: number[] = [];
  for (; rest > 0n; rest /= 10_000n) groups.unshift(Number(rest % 10_000n));
  const weight = groups.length - fractionGroups - 1;
  while (groups.at(-1) === 0) groups.pop();
  return { groups, weight: groups.length === 0 ? 0 : weight, sign: value < 0n ? numericNegative : 0 };
}

function bytesOf({ groups, weight, sign }: Encoded): Buffer {
  const bytes = Buffer.alloc(8 + 2 * groups.length);
  bytes.writeUInt16BE(groups.length, 0);
  bytes.writeInt16BE(weight, 2);
  bytes.writeUInt16BE(sign, 4);
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(group, 8 + 2 * index);
  return bytes;
}

function decoded(bytes: Buffer, precision: number, scale: number): string | null {
  const fields = new Fields(1);
  fields.region = bytes;
  fields.lengths[0] = bytes.length;
  const vector = new Vector({ kind: "decimal", precision, scale });
  decodeDecimal(precision, scale)(fields, { first: 0, count: 1 }, vector);
  return canonicalText(vector, 0);
}

function textOf(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const shape = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) => fc.tuple(fc.constant(precision), fc.integer({ min: 0, max: precision })));

test("every decimal of 1 to 38 digits arrives exactly", () => {
  const value = shape.chain(([precision, scale]) => {
    const most = 10n ** BigInt(precision) - 1n;
    const digits = fc.integer({ min: 0, max: precision });
    const number = digits.chain((count) => fc.bigInt({ min: 0n, max: 10n ** BigInt(count) - 1n }));
    const sized = fc.oneof(number, fc.constantFrom(0n, 1n, most), fc.bigInt({ min: -most, max: most }));
    return fc.tuple(fc.constant(precision), fc.constant(scale), sized, fc.boolean());
  });
  fc.assert(
    fc.property(value, ([precision, scale, magnitude, negative]) => {
      const number = negative ? -magnitude : magnitude;
      expect(decoded(bytesOf(encode(number, scale)), precision, scale)).toBe(textOf(number, scale));
    }),
    { numRuns: 5000, seed: Math.trunc(Math.random() * 2 ** 31) },
  );
});

test("a number with more digits than the type is refused, never cut", () => {
  fc.assert(
    fc.property(shape, fc.bigInt({ min: 1n, max: 10n ** 20n }), ([precision, scale], excess) => {
      const tooLarge = 10n ** BigInt(precision) + excess;
      expect(() => decoded(bytesOf(encode(tooLarge, scale)), precision, scale)).toThrow(ValueError);
      expect(() => decoded(bytesOf(encode(10n * excess + 1n, scale + 1)), precision, scale)).toThrow(
        ValueError,
      );
    }),
    { seed: Math.trunc(Math.random() * 2 ** 31) },
  );
});

test("NaN is refused with the rule", () => {
  const bytes = bytesOf({ groups: [], weight: 0, sign: numericNaN });
  expect(() => decoded(bytes, 5, 2)).toThrow("NaN does not fit");
});

test("a numeric that is shorter than its digits is a broken stream", () => {
  const bytes = bytesOf(encode(123_456_789n, 2));
  expect(() => decoded(bytes.subarray(0, -1), 12, 2)).toThrow(/another length/);
});
