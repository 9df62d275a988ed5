import { expect, test } from "vitest";
import {
  aligned,
  bar,
  byteSize,
  counted,
  duration,
  grouped,
  localTime,
  oneLine,
  shellQuoted,
  wrapped,
} from "./text.ts";

test("numbers are written for people", () => {
  expect(grouped(1_234_567)).toBe("1,234,567");
  expect([0.0124, 3.44, 125].map(duration)).toEqual(["12 ms", "3.4 s", "2 min 5 s"]);
  expect([0, 900, 1536, 123 * 2 ** 20, 5 * 2 ** 40].map(byteSize)).toEqual([
    "0 bytes",
    "900 bytes",
    "1.5 kB",
    "123 MB",
    "5.0 TB",
  ]);
  expect([counted(1, "table"), counted(2000, "table")]).toEqual(["1 table", "2,000 tables"]);
});

test("columns line up, whatever script the cells are in", () => {
  expect(
    aligned(
      [
        ["name", "n"],
        ["京都", "10"],
        ["Łódź", "7"],
      ],
      [1],
    ),
  ).toEqual(["name   n", "京都  10", "Łódź   7"]);
});

test("text is broken between words and keeps its indent", () => {
  expect(wrapped("one two three fourteen", 10, "  ")).toEqual(["  one two", "  three", "  fourteen"]);
});

test("what would break a line or move the cursor is escaped", () => {
  expect(oneLine("a\nb\u001b[2Jc\u009bé")).toBe("a\\nb\\u001b[2Jc\\u009bé");
});

test("a time is that of this machine, to the second", () => {
  expect(localTime(new Date(2026, 0, 31, 9, 5, 7, 900))).toBe("2026-01-31 09:05:07");
});

test("a bar is as full as it should be", () => {
  expect([-1, 0.5, 2].map((done) => bar(done, 4))).toEqual(["[----]", "[##--]", "[####]"]);
});

test("what is meant to be pasted survives the shell", () => {
  expect(shellQuoted("zeroetl-demo")).toBe("zeroetl-demo");
  expect(shellQuoted("it's here")).toBe(`'it'\\''s here'`);
});
