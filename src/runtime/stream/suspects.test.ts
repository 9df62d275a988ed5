import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import { SuspectError } from "../../model/replication/table-error.ts";
import { Suspects } from "./suspects.ts";

const minuteMs = 60_000;
const error = (id: string): SuspectError =>
  new SuspectError(new CodedError("TARGET_OUT_OF_MEMORY", "The warehouse has too little memory."), {
    id,
    name: { schema: "public", table: id },
    columns: [],
    identity: { kind: "row" },
  });

test("a table that fails the stream again and again is set aside, with the reason and the way back", () => {
  const suspects = new Suspects();
  const evaluated = [0, 1, 2, 3, 4].map((try_) => suspects.evaluate(error("a"), try_ * 10_000));
  expect(evaluated.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
  expect(evaluated[4]).toMatchObject({
    code: "TARGET_OUT_OF_MEMORY",
    table: { id: "a" },
    message:
      "The warehouse has too little memory. The stream failed 5 times while it wrote this table, which was set aside.",
    fix: "Raise `memory` of the target in the configuration file and restart the service. Remove the table from the data filter and add it again to copy it.",
  });
  expect(suspects.evaluate(error("a"), 50_000)).toBeUndefined();
});

test("a table is not set aside for failures within seconds, long ago, or of other tables", () => {
  const suspects = new Suspects();
  for (let failure = 0; failure < 20; failure++)
    expect(suspects.evaluate(error("quick"), failure * 100)).toBeUndefined();
  for (let failure = 0; failure < 20; failure++)
    expect(suspects.evaluate(error("rare"), failure * 11 * minuteMs)).toBeUndefined();
  for (let failure = 0; failure < 20; failure++)
    expect(suspects.evaluate(error(String(failure)), failure * 10_000)).toBeUndefined();
});
