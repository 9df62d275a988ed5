import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { escapeAttempts } from "../../../../test/support/escape-attempts.ts";
import { plainRelation } from "../../../../test/support/plain-tuples.ts";
import { copySteps, deltaOf, never, TestWarehouse } from "../../../../test/support/test-warehouse.ts";
import { duckdb } from "../engine.ts";

const numbers = plainRelation({ id: "1", name: "numbers", columns: { n: { kind: "int64" } }, key: ["n"] });

async function filled(): Promise<TestWarehouse> {
  const target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(numbers, [[1], [2], [3]]), "1"), never);
  return target;
}

test("no statement of a reader does more than read", async () => {
  await using target = await filled();
  const files = await readdir(target.directory);
  const settings = "SELECT name, value FROM duckdb_settings() ORDER BY 1";
  const before = await target.rows(settings);
  for (const attempt of escapeAttempts) {
    const sql = attempt.replaceAll("%DIR%", target.directory);
    await expect(target.rows(sql), sql).rejects.toMatchObject({ code: "QUERY_FAILED" });
  }
  expect(await target.rows("SELECT sum(n) FROM shop.public.numbers")).toEqual([["6"]]);
  expect(await target.rows("FROM duckdb_databases() SELECT count(*) WHERE NOT internal")).toEqual([["3"]]);
  expect(await target.rows(settings)).toEqual(before);
  expect(await readdir(target.directory)).toEqual(files);
}, 60_000);

test.each([
  ["SELECT 1; SELECT 2", "Give one statement at a time."],
  ["PIVOT shop.public.numbers ON n USING count(*)", "PIVOT needs the values that become columns"],
  ["FROM (PIVOT shop.public.numbers ON n USING count(*))", "PIVOT needs the values that become columns"],
  ["FROM enable_logging()", "The function enable_logging is not available here."],
  ["SELECT 1 FROM", "Parser Error: syntax error at end of input"],
  ["SELECT $1", "Parameters are not possible here."],
  ["CHECKPOINT", "Only statements that read are possible here"],
  ["-- nothing", "There is no statement to run."],
  ["SELECT x.repeat(3) FROM (SELECT 'a' AS x)", "Call repeat as repeat(…)"],
  ["SELECT 1" + "+1".repeat(400), "The statement is nested too deeply."],
])("%s is refused, with its reason", async (sql, reason) => {
  await using target = await filled();
  await expect(target.rows(sql)).rejects.toMatchObject({
    message: expect.stringContaining(reason) as string,
  });
});

test.each([
  [
    "a window",
    "SELECT n, row_number() OVER (ORDER BY n DESC) FROM shop.public.numbers ORDER BY n LIMIT 1",
    "3",
  ],
  [
    "a join",
    "SELECT count(*), max(b.n) FROM shop.public.numbers a JOIN shop.public.numbers b USING (n)",
    "3",
  ],
  ["JSON", `SELECT 1, json_extract_string('{"a": {"b": "x"}}', '$.a.b') || ('{"c": 1}'::JSON ->> 'c')`, "x1"],
  ["dates of ICU", "SELECT 1, date_trunc('month', TIMESTAMPTZ '2024-05-06 01:02:03+00')::DATE", "2024-05-01"],
  ["lists", "SELECT 1, list_sum(list_filter([x + 1 FOR x IN [1, 2, 3]], lambda x: x > 2))", "7"],
  ["PIVOT", "PIVOT shop.public.numbers ON n IN (1, 2) USING count(*)", "1"],
  ["UNPIVOT", "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME name VALUE value ORDER BY 1 DESC", "2"],
  [
    "a recursive query",
    "WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i + 1 FROM r WHERE i < 9) SELECT 1, max(i) FROM r",
    "9",
  ],
  ["a chained call", "SELECT 1, ('x').upper().concat('y')", "Xy"],
  [
    "comments, strings and semicolons",
    `SELECT 1, '--;' || "a;/*" /* ; /* ' */ */ FROM (SELECT 'z' AS "a;/*") -- ;'\n ; ;`,
    "--;z",
  ],
  ["dollar quotes", "SELECT 1, $$a;'--$$ || $t$/*$$$t$", "a;'--/*$$"],
  [
    "a catalog",
    "SELECT 1, table_name FROM information_schema.tables WHERE table_schema = 'public'",
    "numbers",
  ],
  [
    "a table of pg_catalog",
    "SELECT 1, relname FROM pg_catalog.pg_class WHERE relname = 'numbers'",
    "numbers",
  ],
  [
    "functions that are guarded",
    "SELECT 1, repeat('ab', 2) || lpad('7', 3, '0') || range(1, 3)::VARCHAR || printf('%5.2f', 1.5) || format('{:>3}', 'x')",
    "abab007[1, 2] 1.50  x",
  ],
  [
    "functions that compare texts",
    "SELECT 1, levenshtein('abc', 'abd') || damerau_levenshtein('ab', 'ba')::VARCHAR || editdist3('a', 'b') || jaro_similarity('a', 'a', 0.5)::INT || jaro_winkler_similarity('a', 'a')::INT",
    "11111",
  ],
  [
    "a series of dates",
    "SELECT 1, len(generate_series(DATE '2024-01-01', DATE '2024-12-31', INTERVAL 1 DAY))",
    "366",
  ],
])("%s can be read with", async (_what, sql, second) => {
  await using target = await filled();
  expect((await target.rows(sql)).at(0)?.[1]).toBe(second);
});

test.each([
  "SELECT length(repeat('x', 100000000)) FROM range(20)",
  "SELECT length(repeat('a', 2000000000))",
  "SELECT length(repeat(repeat(repeat('a', 4000), 4000), 4000))",
  "SELECT length(repeat('a'::BLOB, 2000000000))",
  "SELECT length(lpad('a', 2000000000, 'x')), length(rpad('a', 2000000000, 'x'))",
  "SELECT len(range(1000000000))",
  "SELECT len(range(-9223372036854775807, 9223372036854775807))",
  "SELECT len(range(1000000000, 0, -1))",
  "SELECT len(generate_series(TIMESTAMP '1970-01-01', TIMESTAMP '2024-01-01', INTERVAL 1 SECOND))",
  "SELECT len(list_resize([1], 1000000000, 2)), len(array_resize([1], 1000000000))",
  "SELECT length(bar(1, 0, 1, 1000000000))",
  "SELECT length(to_base(1, 2, 1000000000))",
  "SELECT length(printf('%1000000000d', 1))",
  "SELECT length(printf('%*d', 1000000000, 1))",
  "SELECT length(format('{:1000000000d}', 1))",
  "SELECT length(format('{:{}d}', 1, 1000000000))",
  "SELECT max(levenshtein(repeat('a', 4000), repeat('b', 4000) || i)) FROM range(1000) r(i)",
  "SELECT max(jaro_similarity(repeat('a', 4000), repeat('b', 4000) || i)) FROM range(1000) r(i)",
  "SELECT format(f, 1) FROM (SELECT '{:1000000000d}' AS f)",
])("%s is refused before it takes the memory", async (sql) => {
  await using target = await TestWarehouse.open(duckdb);
  const before = process.memoryUsage.rss();
  await expect(target.rows(sql)).rejects.toMatchObject({ code: "QUERY_FAILED" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 ** 2);
});
