import { describe } from "vitest";
import { targetContract } from "../../../test/contract/target.ts";
import { copiesContract } from "../../../test/contract/target/copies.ts";
import { randomContract } from "../../../test/contract/target/random.ts";
import type { TargetEngine } from "../target.ts";
import { duckdb } from "./engine.ts";
import { DuckDb } from "./instance/duck-db.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

targetContract("duckdb", duckdb);

/** Some rows are large, and many tables get large ones among small ones. */
const withManyLargeRows: TargetEngine = {
  ...duckdb,
  open: (request, signal) => {
    const rowSizes = { largeBytes: 40, groupBytes: 100, groupRows: 8, rowBytesMax: 10_000 };
    const start = (path: string) => DuckDb.open(path, { rowSizes });
    return DuckDbWarehouse.open({ ...request, start }, signal);
  },
};

describe("duckdb with many large rows", () => {
  randomContract(withManyLargeRows);
  copiesContract(withManyLargeRows);
});
