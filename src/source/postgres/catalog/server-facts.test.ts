import { expect, test } from "vitest";
import { engineVersionOf } from "./server-facts.ts";

test.each([
  [140_000, "14.0"],
  [150_004, "15.4"],
  [180_012, "18.12"],
])("server_version_num %i is %s", (version, shown) => {
  expect(engineVersionOf({ version })).toBe(shown);
});
