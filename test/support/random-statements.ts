import type { Dice } from "./dice.ts";

const tables = ["t0", "t1", "t2"] as const;
const partitions = ["p0", "p1", "p2", "p3"] as const;
const columns = ["a", "b", "c", "d", "e", "f", "r", "g"] as const;
const plainTypes = [
  "int",
  "text",
  "bigint",
  "varchar(10)",
  "varchar(30)",
  "numeric(10,2)",
  "numeric(14,2)",
] as const;
const fields = ["x", "y", "z"] as const;
/** What a partition has of the root's ids. */
const partitionIds = 300;

/** The types and tables to begin with: `p` is partitioned, tables may have columns of the enum and of the composite. */
export const firstStatements = [
  "CREATE TYPE label AS ENUM ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')",
  "CREATE TYPE pair AS (x int, y label)",
  "CREATE TABLE t0 (id int PRIMARY KEY, a text, b int)",
  "CREATE TABLE t1 (id int PRIMARY KEY, e label, r pair)",
  "CREATE TABLE t2 (id int PRIMARY KEY, a text, g int GENERATED ALWAYS AS (id * 2) STORED)",
  "CREATE TABLE p (id int PRIMARY KEY, a text, e label) PARTITION BY RANGE (id)",
  "CREATE TABLE p0 PARTITION OF p FOR VALUES FROM (0) TO (300)",
  "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (300) TO (600)",
] as const;

/** A statement for the tables, whatever columns they have just now: some of them fail, which is fine. */
export function randomStatement(dice: Dice): string {
  if (dice.chance(0.72)) return rowStatement(dice);
  if (dice.chance(0.25)) return partitionStatement(dice);
  return dice.chance(0.2) ? typeStatement(dice) : tableStatement(dice);
}

/** One that may not be in a transaction, or ends in a place that matters to partitions. */
export function randomLoneStatement(dice: Dice): string {
  const table = dice.pick([...tables, ...partitions]);
  return dice.pick([
    `VACUUM FULL ${table}`,
    `ALTER TABLE p DETACH PARTITION ${dice.pick(partitions)} CONCURRENTLY`,
    "CHECKPOINT",
  ]);
}

function rowStatement(dice: Dice): string {
  const table = dice.pick([...tables, ...tables, "p", "p", "p", dice.pick(partitions)]);
  const column = dice.pick(columns);
  const value = valueOf(column, dice);
  const id = dice.int(200) + partitionIds * dice.int(4);
  // Large enough for a transaction to be sent before its commit.
  const last = id + dice.pick([5, 5, 5, 5, 5, 700]);
  return dice.pick([
    `INSERT INTO ${table} (id, ${column}) SELECT i, ${value} FROM generate_series(${id}, ${last}) i ON CONFLICT DO NOTHING`,
    `INSERT INTO ${table} (id, ${column}) VALUES (${id}, ${value})`,
    `INSERT INTO ${table} (id) VALUES (${id + 50})`,
    `INSERT INTO ${table} (id, a) VALUES (${id}, repeat('${dice.int(100)}', 4000))`,
    `UPDATE ${table} SET ${column} = ${value} WHERE id % 7 = ${dice.int(7)}`,
    `UPDATE ${table} SET id = id + 1000 WHERE id = ${id}`,
    `UPDATE ${table} SET id = (id + ${partitionIds}) % ${4 * partitionIds} WHERE id BETWEEN ${id} AND ${id + 9}`,
    `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + dice.pick([3, 3, 3, 600])}`,
  ]);
}

/** By its name, a column is mostly of one kind. */
function valueOf(column: (typeof columns)[number], dice: Dice): string {
  const value = dice.int(100);
  if (column === "e" || column === "f") return `'${dice.int(12)}'`;
  if (column !== "r") return `'${value}'`;
  const [x, y, z] = [value, dice.int(10), value + 1].map((each) => `"${each}"`);
  return `jsonb_populate_record(NULL::pair, '{"x": ${x}, "y": ${y}, "z": ${z}}')`;
}

function tableStatement(dice: Dice): string {
  const table = dice.pick([...tables, ...tables, "p", "p", dice.pick(partitions)]);
  const column = dice.pick(["a", "b", "c", "d"]);
  const type = dice.pick(plainTypes);
  const value = dice.int(100);
  return `${dice.pick([
    `ALTER TABLE ${table} ADD ${column} ${type}`,
    `ALTER TABLE ${table} ADD ${column} ${type} DEFAULT '${value}'`,
    `ALTER TABLE ${table} ADD ${column} int DEFAULT (random() * 100)::int`,
    `ALTER TABLE ${table} ADD ${dice.pick(["e", "f"])} label DEFAULT '${value % 10}'`,
    `ALTER TABLE ${table} ADD r pair`,
    `ALTER TABLE ${table} ADD g int GENERATED ALWAYS AS (id * ${value}) STORED`,
    `ALTER TABLE ${table} ALTER g DROP EXPRESSION`,
    `ALTER TABLE ${table} ALTER g SET EXPRESSION AS (id + ${value})`,
    `ALTER TABLE ${table} DROP ${dice.pick(columns)}`,
    `ALTER TABLE ${table} RENAME ${dice.pick(columns)} TO ${dice.pick(columns)}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE ${type} USING ${column}::text::${type}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE ${type}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE int USING ${value}`,
    `ALTER TABLE ${table} ALTER e TYPE ${dice.pick(["text", "label"])} USING e::text::label`,
    `ALTER TABLE ${table} ALTER a SET STORAGE EXTERNAL`,
    `TRUNCATE ${table}`,
    `ANALYZE ${table}`,
    `ALTER TABLE ${table} ALTER ${column} SET STATISTICS ${value}`,
    `ALTER TABLE ${table} REPLICA IDENTITY ${dice.pick(["FULL", "DEFAULT"])}`,
    `DROP TABLE ${dice.pick(tables)}`,
    `CREATE TABLE ${dice.pick(tables)} (id int PRIMARY KEY, a text, b int, e label, r pair)`,
    `ALTER TABLE ${dice.pick(tables)} RENAME TO tmp`,
    `ALTER TABLE tmp RENAME TO ${dice.pick(tables)}`,
    `ALTER TABLE ${dice.pick(tables)} DROP CONSTRAINT IF EXISTS ${table}_pkey`,
    `ALTER TABLE ${table} ADD PRIMARY KEY (id)`,
  ])}`;
}

function partitionStatement(dice: Dice): string {
  const number = dice.int(partitions.length);
  const name = `p${number}`;
  const bounds = `FOR VALUES FROM (${number * partitionIds}) TO (${(number + 1) * partitionIds})`;
  return dice.pick([
    `CREATE TABLE ${name} PARTITION OF p ${bounds}`,
    `CREATE TABLE ${name} PARTITION OF p ${bounds}`,
    `CREATE TABLE ${name} PARTITION OF p ${bounds} PARTITION BY LIST (id)`,
    `CREATE TABLE ${name}d PARTITION OF ${name} DEFAULT`,
    `CREATE TABLE ${name} (LIKE p INCLUDING ALL)`,
    `ALTER TABLE p ATTACH PARTITION ${name} ${bounds}`,
    `ALTER TABLE p ATTACH PARTITION ${name} ${bounds}`,
    `ALTER TABLE p DETACH PARTITION ${name}`,
    `TRUNCATE ${name}`,
    `DROP TABLE ${name}`,
  ]);
}

function typeStatement(dice: Dice): string {
  const field = dice.pick(fields);
  return dice.pick([
    `ALTER TYPE label ADD VALUE '${dice.int(20)}' BEFORE '${dice.int(10)}'`,
    `ALTER TYPE label ADD VALUE '${dice.int(20)}'`,
    `ALTER TYPE label RENAME VALUE '${dice.int(12)}' TO '${dice.int(20)}'`,
    `ALTER TYPE pair ADD ATTRIBUTE ${field} ${dice.pick(["int", "text", "label"])}`,
    `ALTER TYPE pair RENAME ATTRIBUTE ${field} TO ${dice.pick(fields)}`,
    `ALTER TYPE pair DROP ATTRIBUTE ${field}`,
  ]);
}
