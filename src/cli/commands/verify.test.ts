import { expect, test } from "vitest";
import type { VerificationLine } from "../../model/operator.ts";
import { isProven, sentence, summaryOf } from "./verify.ts";

const place = { sourceDatabase: "shop", destinationDatabase: "shop", schema: "public" };
const equal: VerificationLine = { ...place, table: "a", result: "equal", rows: 1, hash: "0" };
const unreadable: VerificationLine = {
  ...place,
  table: "b",
  result: "unreadable",
  code: "TABLE_PRIVILEGE",
  reason: "It may not be read.",
  fix: null,
};
const skipped: VerificationLine = { ...place, table: "c", result: "skipped", state: "Failed", reason: null };

test("a table that is in step but cannot be read is not proven equal, one that has failed is known", () => {
  expect(isProven(summaryOf([equal, skipped]))).toBe(true);
  expect(isProven(summaryOf([equal, unreadable]))).toBe(false);
  expect(isProven(summaryOf([skipped]))).toBe(false);
  expect(sentence(summaryOf([equal, unreadable, skipped]))).toBe(
    "1 table equal, 0 different, 2 not compared.",
  );
});
