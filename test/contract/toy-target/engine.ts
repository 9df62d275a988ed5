import { z } from "zod";
import type { TargetEngine } from "../../../src/target/target.ts";
import { ToyWarehouse } from "./warehouse.ts";

/** Each destination database is a directory of files, read into memory as a whole. */
export const toyTarget: TargetEngine = {
  settings: z.strictObject({}),
  atomicity: "database",
  check: ({ directory }) =>
    Promise.resolve([
      { severity: "fine", code: "TARGET", subject: directory, message: "The toy checks nothing." },
    ]),
  open: ({ directory }) => ToyWarehouse.open(directory),
};
