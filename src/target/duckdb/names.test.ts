import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Dice } from "../../../test/support/dice.ts";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { printedSeed } from "../../../test/support/random.ts";
import { copySteps, deltaOf, TestWarehouse } from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";
import { isReserved } from "./tables/reserved-names.ts";
import { qualified } from "./instance/sql-text.ts";

const int = { kind: "int64" } as const;

const ours = ["_zeroetl", "_ZeroETL", "_zeroetl_0", "_zeroetl_shop.duckdb", "dev", "DEV", "temp", "memory"];
const theirs = ["main", "system", "tables", "database", "checkpoint", "rows_1_0_1", "c1", "rowid", "select"];
const odd = [
  " ",
  ".",
  "a.b",
  'q"q',
  "o'clock",
  "%",
  "\\",
  "ünï 😀",
  "x".repeat(63),
  "zeroetl",
  "$1",
  "--",
  "A",
  "a",
];
const all = [...ours, ...theirs, ...odd];

test("whatever databases, schemas, tables and columns are called, every table can be read, also after reopening", async () => {
  const dice = new Dice(printedSeed());
  await using target = await TestWarehouse.open(duckdb);
  const made: string[] = [];
  for (const [index, database] of [
    ...new Map(all.map((name) => [name.toLowerCase(), name])).values(),
  ].entries()) {
    const id = String(index + 1);
    const [schema, name, column] = [dice.pick(all), dice.pick(all), dice.pick(all)];
    if (isReserved(database)) {
      await expect(target.database(database)).rejects.toMatchObject({ code: "DATABASE_NAME_TAKEN" });
      continue;
    }
    const relation = plainRelation({ id, schema, name, columns: { [column]: int, id: int }, key: ["id"] });
    await using open = await target.database(database);
    const applied = open.apply(deltaOf(copySteps(relation, [[index, 1]]), "1"), new AbortController().signal);
    if (schema.toLowerCase() === "_zeroetl")
      await expect(applied).rejects.toMatchObject({ code: "TABLE_UNSUPPORTED" });
    else {
      await applied;
      made.push(`FROM ${qualified(database, relation.name)}`);
    }
  }
  for (let opening = 0; opening < 2; opening += 1) {
    for (const sql of made) expect(await target.rows(sql), sql).toHaveLength(1);
    await target.reopen();
  }
});

test("a database that an earlier version called _zeroetl leaves the other databases readable", async () => {
  await using target = await TestWarehouse.open(duckdb);
  const relation = plainRelation({ id: "1", name: "t", columns: { n: int }, key: ["n"] });
  for (const name of ["shop", "other"]) {
    await using database = await target.database(name);
    await database.apply(deltaOf(copySteps(relation, [[1]]), "1"), new AbortController().signal);
  }
  await target.closed(async () => {
    const instance = await DuckDBInstance.create(join(target.directory, "other.duckdb"));
    const connection = await instance.connect();
    await connection.run("UPDATE _zeroetl.database SET name = '_zeroetl'");
    connection.closeSync();
    instance.closeSync();
  });
  expect(await target.rows("FROM shop.public.t")).toEqual([["1"]]);
  expect(await target.databases()).toContain("other");
});
