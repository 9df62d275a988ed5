import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { classifiedFunctions, guardedFunctions, refusedViews, useOf } from "./reader-functions.ts";

async function ask(sql: string): Promise<string[][]> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    return (await connection.runAndReadAll(sql)).getRows().map((row) => row.map(String));
  } finally {
    instance.closeSync();
  }
}

/** Names of all functions that a query can call; a pragma is a statement of its own. */
async function functionsOfDuckDb(): Promise<string[]> {
  const rows = await ask(
    "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type <> 'pragma' ORDER BY 1",
  );
  return rows.flat();
}

test("every function of this version of DuckDB is classified: a new one is looked at before readers may call it", async () => {
  const unclassified = (await functionsOfDuckDb()).filter((name) => useOf(name) === undefined);
  expect(unclassified).toEqual([]);
});

test("the classification names nothing that this version of DuckDB does not have", async () => {
  const known = new Set((await functionsOfDuckDb()).map((name) => name.toLowerCase()));
  expect(classifiedFunctions().filter((name) => !known.has(name))).toEqual(["zeroetl_feed"]);
});

test("a view of DuckDB's own that calls a refused function is refused itself", async () => {
  const views = await ask("SELECT view_name, sql FROM duckdb_views() WHERE internal");
  const calls = ([, sql = ""]: string[]): string[] =>
    [...sql.matchAll(/(\w+)\s*\(/g)].map(([, name = ""]) => name);
  const refused = views.filter((view) => calls(view).some((name) => useOf(name) === "refused"));
  expect(new Set(refused.map(([name]) => name))).toEqual(refusedViews);
});

test.each([...guardedFunctions])("%s is allowed, within bounds", (name) => {
  expect(useOf(name.toUpperCase())).toBe("allowed");
});
