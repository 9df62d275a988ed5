import fc from "fast-check";
import { expect, test } from "vitest";
import { formatLsn, parseLsn, parsePosition, positionOf } from "./lsn.ts";
import { namesOf, quoteIdentifier, quoteLiteral } from "../names.ts";

test("LSNs are written as PostgreSQL writes them", () => {
  expect(parseLsn("16/B374D848")).toBe(0x16_b374_d848n);
  expect(formatLsn(0x16_0000_0048n)).toBe("16/48");
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (lsn) => parseLsn(formatLsn(lsn)) === lsn));
});

test("a position comes back as it went", () => {
  const position = positionOf({ system: "7711138960873476888", timeline: 3 }, 0x16_b374_d848n);
  expect(position).toBe("7711138960873476888/3/16/B374D848");
  expect(parsePosition(position)).toEqual({
    system: "7711138960873476888",
    timeline: 3,
    lsn: 0x16_b374_d848n,
  });
});

test("slots of one integration differ by database, and fit", () => {
  const id = "11111111-2222-4333-8444-555555555555";
  const names = ["a", "A", "ä".repeat(31)].map((database) => namesOf(id, database).slot);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^zeroetl_[0-9a-f]{32}_[0-9a-f]{8}$/);
});

test("identifiers and literals are quoted", () => {
  expect(quoteIdentifier('a"b')).toBe('"a""b"');
  expect(quoteLiteral("a'b")).toBe("'a''b'");
  expect(quoteLiteral("a\\b")).toBe(" E'a\\\\b'");
});
