import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RowDigests, shortField } from "./digest.ts";

type Row = readonly (string | null)[];

function digestOf(rows: readonly Row[]): { rows: number; hash: string } {
  const digests = new RowDigests();
  for (const row of rows) digests.add(row.map((text) => (text === null ? null : shortField(text))));
  return digests.result();
}

test("an empty table has no rows and hash zero", () => {
  expect(digestOf([])).toEqual({ rows: 0, hash: "0000000000000000" });
});

test("one row is hashed by the first eight bytes of the MD5 of its fields with their lengths in bytes", () => {
  const expected = createHash("md5").update("1:5-0:3:aé").digest("hex").slice(0, 16);
  expect(digestOf([["5", null, "", "aé"]])).toEqual({ rows: 1, hash: expected });
});

test("the hash of a table is the sum of its rows' hashes modulo 2^64, in any order", () => {
  const row = fc.array(fc.option(fc.string({ unit: "grapheme" })), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      const sum = rows.reduce((total, each) => total + BigInt(`0x${digestOf([each]).hash}`), 0n);
      const expected = { rows: rows.length, hash: (sum % 2n ** 64n).toString(16).padStart(16, "0") };
      expect(digestOf(rows)).toEqual(expected);
      expect(digestOf(rows.toReversed())).toEqual(expected);
    }),
  );
});
