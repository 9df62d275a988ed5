import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { sinceOf } from "./since.ts";

const now = new Date("2026-03-10T12:00:00Z");

test.each([
  ["90s", "2026-03-10T11:58:30.000Z"],
  ["30m", "2026-03-10T11:30:00.000Z"],
  ["24h", "2026-03-09T12:00:00.000Z"],
  ["14d", "2026-02-24T12:00:00.000Z"],
  ["999999999d", "1970-01-01T00:00:00.000Z"],
  ["2026-03-01T09:30Z", "2026-03-01T09:30:00.000Z"],
  ["2026-03-01T09:30:15.25+02:00", "2026-03-01T07:30:15.250Z"],
  ["2026-03-01 09:30:15Z", "2026-03-01T09:30:15.000Z"],
  ["0001-01-01T00:00Z", "1970-01-01T00:00:00.000Z"],
])("%s is %s", (text, time) => {
  expect(sinceOf(text, now).toISOString()).toBe(time);
});

test("a time without a zone is one of this machine, a date its beginning here", () => {
  expect(sinceOf("2026-03-01T09:30", now)).toEqual(new Date(2026, 2, 1, 9, 30));
  expect(sinceOf("2026-03-01", now)).toEqual(new Date(2026, 2, 1));
});

test.each([
  "",
  "yesterday",
  "24",
  "0h",
  "-1h",
  "1.5h",
  "24 h",
  "1w",
  "1d12h",
  "2026-13-01",
  "2026-03-01T25:00Z",
  "March 1",
])("%j is refused with examples of what is taken", (text) => {
  expect(() => sinceOf(text, now)).toThrow(
    new CodedError(
      "USAGE",
      `--since ${JSON.stringify(text)} is neither a duration, such as 30m, 24h or 7d, ` +
        "nor a time, such as 2026-01-31 or 2026-01-31T09:30Z.",
    ),
  );
});

test("a time that is yet to come is refused", () => {
  expect(() => sinceOf("2026-03-10T12:00:01Z", now)).toThrow(
    "--since 2026-03-10T12:00:01Z is in the future; it must be a time that has passed.",
  );
});
