import { DuckDBDataChunk, VARCHAR } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { Vector } from "../model/replication/vector.ts";
import { StagedChunk } from "./staged-chunk.ts";
import { headersAreAsExpected } from "./string-headers.ts";

const texts = [
  "",
  "a",
  "twelve bytes",
  "thirteen byte",
  "x".repeat(5000),
  null,
  "ünï",
  "another long string here",
];

function vectorOf(values: readonly (string | null)[]): Vector {
  const vector = new Vector({ kind: "text" });
  let at = 0;
  const bytes = values.map((value, row) => {
    const text = Buffer.from(value ?? "");
    vector.valid[row] = value === null ? 0 : 1;
    vector.starts[row] = at;
    vector.lengths[row] = text.length;
    at += text.length;
    return text;
  });
  vector.arena = Buffer.concat(bytes);
  return vector;
}

test("this build of DuckDB keeps strings as we know them", () => {
  expect(headersAreAsExpected()).toBe(true);
});

test.each([true, false])(
  "strings and NULLs are written whether the layout of strings is known (%s) or not",
  (known) => {
    const staged = new StagedChunk(known);
    const chunk = DuckDBDataChunk.create([VARCHAR, VARCHAR]);
    for (const values of [texts, texts.toReversed(), texts.map((text) => text ?? "no NULL here")]) {
      chunk.reset();
      const vector = vectorOf(values);
      const rows = { count: values.length, region: vector.arena, low: 0, high: vector.arena.length };
      staged.begin(2, 2 * values.length);
      for (const at of [0, values.length])
        for (const column of [0, 1]) staged.write(column, vector, { at, ...rows });
      chunk.rowCount = staged.deliver(chunk.chunk);
      expect(chunk.getColumns()).toEqual([
        [...values, ...values],
        [...values, ...values],
      ]);
    }
  },
);
