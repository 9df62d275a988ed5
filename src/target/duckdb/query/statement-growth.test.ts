import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkGrowth } from "./statement-growth.ts";
import type { TreeNode } from "./statement-check.ts";

let instance: DuckDBInstance;
let connection: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(":memory:");
  connection = await instance.connect();
});

afterAll(() => instance.closeSync());

async function check(sql: string): Promise<void> {
  const reader = await connection.runAndReadAll(
    "SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_default := true, skip_empty := true)",
    [sql],
  );
  const { statements } = JSON.parse(String(reader.getRows()[0]?.[0])) as { statements: { node: TreeNode }[] };
  for (const { node } of statements) checkGrowth(node);
}

const steps = (count: number, step: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => step(k)).join("");
const nested = (count: number, [head, tail]: readonly [string, string], inner: string): string =>
  head.repeat(count) + inner + tail.repeat(count);

test.each([
  ["names of columns", `SELECT 1 AS a0${steps(30, (k) => `, a${k} + a${k} AS a${k + 1}`)}`],
  ["texts of columns", `SELECT 'a' AS a0${steps(30, (k) => `, a${k} || a${k} AS a${k + 1}`)}`],
  [
    "subqueries",
    `SELECT length(s) FROM ${nested(30, ["(SELECT s || s AS s FROM ", ")"], "(SELECT 'a' AS s)")}`,
  ],
  [
    "subqueries with renamed columns",
    `SELECT length(s) FROM ${nested(30, ["(SELECT s || s FROM ", " q(s))"], "(SELECT 'a')")}`,
  ],
  [
    "structs of structs",
    `SELECT s FROM ${nested(25, ["(SELECT {'a': s, 'b': s} AS s FROM ", ")"], "(SELECT 1 AS s)")}`,
  ],
  ["stars", `SELECT 1 FROM ${nested(25, ["(SELECT *, * FROM ", ")"], "(SELECT 1 AS a)")}`],
  [
    "common table expressions",
    `WITH a0 AS (SELECT 1 AS x)${steps(30, (k) => `, a${k + 1} AS (SELECT l.x FROM a${k} l, a${k} r)`)} SELECT 1 FROM a30`,
  ],
  ["replacements", `SELECT ${nested(9, ["replace(", ", 'a', 'aaaaaaaa')"], "'aaaa'")}`],
  [
    "replaced matches",
    `SELECT ${nested(9, ["regexp_replace(", ", 'a', '\\0\\0\\0\\0\\0\\0\\0\\0', 'g')"], "'aaaa'")}`,
  ],
  ["digits", `SELECT ${nested(9, ["bin(", ")"], "'aaaa'")}`],
  ["lambdas", `SELECT ${nested(30, ["list_transform([", "], lambda x: x || x)[1]"], "'aaaa'")}`],
  ["lists of lists", "SELECT [[x + y FOR x IN range(999)] FOR y IN range(999)]"],
  ["a reduction", "SELECT list_reduce(range(40)::VARCHAR[], lambda a, x: a || a || a)"],
  ["formats", `SELECT ${nested(5, [`format('${"{0}".repeat(50)}', `, ")"], "'aaaa'")}`],
  [
    "a long chain",
    `SELECT ${Array.from({ length: 150 }, () => "s").join(" || ")} FROM (SELECT repeat('x', 4000) AS s)`,
  ],
  [
    "PIVOT",
    `PIVOT t ON ${steps(3, (k) => `${k === 0 ? "" : ", "}c${k} IN (${Array.from({ length: 40 }, (_, v) => v).join(", ")})`)} USING sum(x)`,
  ],
])("growth by %s is refused", async (_what, sql) => {
  await expect(check(sql)).rejects.toMatchObject({ code: "QUERY_FAILED" });
});

test.each([
  "SELECT * FROM t",
  "SELECT a || ' ' || b || ' ' || c AS name, upper(name), lower(name), name || name FROM t",
  `SELECT ${Array.from({ length: 1600 }, (_, k) => `c${k}`).join(", ")} FROM t`,
  `SELECT ${Array.from({ length: 500 }, (_, k) => `coalesce(sum(c${k}), 0) AS s${k}`).join(", ")} FROM t GROUP BY ALL`,
  `SELECT * FROM t WHERE id IN (${Array.from({ length: 10_000 }, (_, k) => k).join(", ")})`,
  `SELECT ${nested(12, ["replace(", ", 'ä', 'ae')"], "a")} FROM t`,
  "SELECT list_transform(string_split(a, ','), lambda x: upper(trim(x))) FROM t",
  "SELECT [[x * y FOR x IN range(20)] FOR y IN [1, 2]] FROM t",
  "SELECT list_reduce(l, lambda a, x: a + x), list_reduce(l, lambda a, x: a || ',' || x) FROM t",
  "SELECT unnest(generate_series(min(d), max(d), INTERVAL 1 DAY)) FROM t",
  `WITH a AS (SELECT x AS x, count(*) AS n FROM t GROUP BY ALL)${steps(15, (k) => `, b${k} AS (SELECT x, n + ${k} AS n FROM ${k === 0 ? "a" : `b${k - 1}`})`)} SELECT a.x, b14.n FROM a JOIN b14 USING (x) JOIN b13 USING (x)`,
  "WITH RECURSIVE r(i, path) AS (SELECT 1, 'a' UNION ALL SELECT i + 1, path || '/' || i FROM r WHERE i < 9) SELECT * FROM r",
  "SELECT json_object('a', a, 'b', json_array(b, c)), to_json(t), a::JSON ->> '$.x' FROM t",
  "SELECT *, row_number() OVER (PARTITION BY a ORDER BY b) AS n, (SELECT max(z) FROM u WHERE u.a = t.a) FROM t QUALIFY n = 1",
  "SELECT md5(concat_ws('|', a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)) FROM t",
  `SELECT CASE ${steps(200, (k) => `WHEN a = ${k} THEN 'label ${k}' `)} END FROM t`,
  "SUMMARIZE SELECT * FROM t",
  "PIVOT t ON a IN (1, 2, 3), b IN ('x', 'y') USING sum(c), count(*) GROUP BY d",
])("%s is an ordinary query", async (sql) => {
  await expect(check(sql)).resolves.toBeUndefined();
});
