import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TemporaryDirectory } from "../../support/temporary.ts";
import type { ContractSource } from "../source.ts";
import { toySource } from "./engine.ts";
import type { Transaction } from "./log.ts";

/** A log of its own. */
export async function toyDatabase(): Promise<ContractSource> {
  const directory = await TemporaryDirectory.make();
  const log = join(directory.path, "shop.jsonl");
  await writeFile(log, "");
  return {
    engine: toySource,
    url: `toy://${directory.path}`,
    database: "shop",
    commit: (changes) => {
      const transaction: Transaction = { committedAtMs: Date.now(), changes };
      return appendFile(log, `${JSON.stringify(transaction)}\n`);
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
