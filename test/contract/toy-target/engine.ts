import { z } from "zod";
import { DirectoryLock } from "../../../src/base/directory-lock.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import { ToyWarehouse } from "./warehouse.ts";

/** A warehouse is one JSON file, read into memory as a whole. */
export const toyTarget: TargetEngine = {
  settings: z.strictObject({}),
  atomicity: "database",
  check: ({ directory }) =>
    Promise.resolve([
      { severity: "fine", code: "TARGET", subject: directory, message: "The toy checks nothing." },
    ]),
  open: async ({ directory }) => new ToyWarehouse(directory, await DirectoryLock.take(directory)),
};
