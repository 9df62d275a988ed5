import { ModifyIntegrationCommand } from "@aws-sdk/client-rds";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

// A whole service is built and started.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const tables = [
  "books.mystery.stephen_king",
  "books.mystery.burking",
  "books.mystery.mystery",
  "books.science_fiction.dune",
  "books.science_fiction.kingdom",
  "books.science_fiction.the_king_returns",
  "books.sciart.canvas",
  "books.public.mystery",
  "books.public.mystery_weekly",
  "books.public.old_mystery",
  "books.public.table_movies",
  "books.public.table_books",
  "books.public.table_stephen_king",
  "books.public.Mixed-Case",
  "books.public.pay$roll",
  "books.public.two words",
  "books.public.a.b",
  "employee.finance.benefits",
  "employee.finance.payroll",
];

const ofBooks = tables.filter((table) => table.startsWith("books."));
const booksWithout = (pattern: RegExp): string[] => ofBooks.filter((table) => !pattern.test(table));

type Case = readonly [filter: string, expected: readonly string[]];

/** A data filter and what the warehouse holds under it: AWS's own examples. */
const examples: readonly Case[] = [
  ["include: books.*.*", ofBooks],
  ["include: books.*.*, exclude: books.*.mystery", booksWithout(/\.mystery$/)],
  ["include: books.science_fiction.*, exclude: books.*./.*king.*/", ["books.science_fiction.dune"]],
  ["include: books.*.*, exclude: books./sci.*/.*", booksWithout(/^books\.sci/)],
  ["include: books.*.*, exclude: books.mystery./.*king/", booksWithout(/^books\.mystery\..*king$/)],
  [
    "include: books.*./table_.*/, exclude: books.*.table_stephen_king",
    ["books.public.table_movies", "books.public.table_books"],
  ],
  [
    "include: books.mystery.stephen_king, include: employee.finance.benefits",
    ["books.mystery.stephen_king", "employee.finance.benefits"],
  ],
];

/** Where AWS's words leave room, or differ from the parser that theirs comes from. */
const fineprint: readonly Case[] = [
  // A regular expression matches the whole name, a name is no expression, and case counts.
  ["include: books.public./mystery.*/", ["books.public.mystery", "books.public.mystery_weekly"]],
  ["include: books.public./.*mystery/", ["books.public.mystery", "books.public.old_mystery"]],
  ['include: books.public."Mixed-Case", include: books.public./mixed.*/', ["books.public.Mixed-Case"]],
  ["INCLUDE : books . public . mystery", ["books.public.mystery"]],
  [
    'include: books.public."pay$roll", include: "books".public."two words",include:books.public."a.b"',
    ["books.public.pay$roll", "books.public.two words", "books.public.a.b"],
  ],
  // What nothing includes is excluded, and the last match wins.
  [
    "exclude: books.public.mystery, include: books.public.*",
    ofBooks.filter((table) => table.startsWith("books.public.")),
  ],
  ["include: books.public.mystery, exclude: books.*.*", []],
  // A table that comes back after all of its database had left.
  ["include: employee.finance.payroll", ["employee.finance.payroll"]],
];

const endless = "x".repeat(257);
const refused: readonly (readonly [what: string, filter: string, says: RegExp])[] = [
  ["no include", "exclude: books.public.mystery", /must contain at least one include statement/],
  [
    "a wildcard within a name",
    "include: books*.public.mystery",
    /character 15 is not the whole part; write \/books\.\*\/ for books\*/,
  ],
  ["a database by pattern", "include: /books/.public.mystery", /must name its database literally/],
  ["a regular expression without end", "include: books.public./mystery", /character 23 is never closed/],
  ["two parts", "include: books.public", /has 2 parts instead of database.schema.table/],
  ["no comma", "include: books.public.mystery include: books.public.old_mystery", /is not a comma between/],
  ["a minus without quotes", "include: books.public.Mixed-Case", /character 28 cannot be in a name/],
  ["a pattern that is too long", `include: books.public.${endless}`, /is longer than 256/],
  [
    "too many patterns",
    Array.from({ length: 100 }, () => "include: a.b.c").join(","),
    /more than 99 patterns/,
  ],
  ["letters that AWS does not take", "include: books.public.éric", /DataFilter/],
];

let server: TestPostgres;
let directory: TemporaryDirectory;
let service: ServiceProcess;

const sql = (...names: readonly string[]): string => names.map((name) => `"${name}"`).join(".");

beforeAll(async () => {
  server = await TestPostgres.start();
  for (const database of ["books", "employee"]) {
    await server.run(`CREATE DATABASE ${database}`);
    for (const [of, schema, table] of tables.map(partsOf)) {
      if (of !== database) continue;
      const name = sql(schema, table);
      await server.run(
        [
          `CREATE SCHEMA IF NOT EXISTS ${schema}`,
          `CREATE TABLE ${name} (id int PRIMARY KEY)`,
          `INSERT INTO ${name} VALUES (1)`,
        ],
        database,
      );
    }
  }
  directory = await TemporaryDirectory.make();
  service = await ServiceProcess.start({ directory: directory.path, sourceUrl: server.url() });
  await service.create("include: employee.*.*");
  await service.status("active");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function partsOf(name: string): [database: string, schema: string, table: string] {
  const [, database = "", schema = "", table = ""] = /^([^.]+)\.([^.]+)\.(.+)$/.exec(name) ?? [];
  return [database, schema, table];
}

/** What is to be read from the warehouse, under the names of the source; and how many rows were copied for it. */
async function replicated(name: string): Promise<{ tables: string[]; copiedRows: number }> {
  const integration = (await service.integrations()).find((candidate) => candidate.name === name);
  const found: string[] = [];
  for (const { sourceDatabase, destinationDatabase } of integration?.streams ?? []) {
    const listed = await service.query(
      `SELECT table_schema, table_name FROM information_schema.tables
       WHERE table_catalog = '${destinationDatabase}' AND table_schema <> '_zeroetl'`,
    );
    for (const [schema = "", table = ""] of listed.map((row) => row.map(String))) {
      expect(await service.query(`SELECT id FROM ${sql(destinationDatabase, schema, table)}`)).toEqual([
        ["1"],
      ]);
      found.push(`${sourceDatabase}.${schema}.${table}`);
    }
  }
  const copied = (integration?.streams ?? []).map(({ copiedRows }) => copiedRows);
  return { tables: found.toSorted(), copiedRows: copied.reduce((sum, rows) => sum + rows, 0) };
}

async function modify(DataFilter: string): Promise<void> {
  await service.rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier: "test", DataFilter }));
}

let before: readonly string[] = tables.filter((table) => table.startsWith("employee."));

test.each([...examples, ...fineprint])("%s", async (filter, expected) => {
  await modify(filter);
  // A filter that selects nothing is not what anybody meant.
  const { DataFilter, Errors } = await service.status(expected.length === 0 ? "needs_attention" : "active");
  expect(DataFilter).toBe(filter);
  expect(Errors?.map(({ ErrorCode }) => ErrorCode)).toEqual(expected.length === 0 ? ["TABLE_MISSING"] : []);
  // Every table has one row; one that was there already is not copied again.
  const arrived = expected.filter((table) => !before.includes(table));
  expect(await replicated("test")).toEqual({ tables: [...expected].toSorted(), copiedRows: arrived.length });
  before = expected;
});

test.each(refused)("%s is refused, and nothing changes", async (_, filter, says) => {
  const found = await service.describe();
  await expect(modify(filter)).rejects.toMatchObject({
    name: "InvalidParameterValue",
    message: expect.stringMatching(says),
  });
  expect(await service.describe()).toMatchObject({ DataFilter: found.DataFilter, Status: found.Status });
});

test("the examples, each by an integration that is created with it", async () => {
  await service.remove();
  for (const [index, [filter, expected]] of examples.entries()) {
    const name = `example-${index}`;
    await service.create(filter, name);
    await service.status("active", { name });
    expect(await replicated(name)).toEqual({
      tables: [...expected].toSorted(),
      copiedRows: expected.length,
    });
    await service.remove(name);
  }
});

test("a table with a value that the warehouse cannot hold is copied again, once fixed, when it leaves and comes back", async () => {
  await server.run(
    [
      "CREATE TABLE finance.rates (id int PRIMARY KEY, rate numeric(10, 2))",
      "INSERT INTO finance.rates VALUES (1, 'NaN')",
    ],
    "employee",
  );
  await service.create("include: employee.finance.rates");
  const { Errors } = await service.status("needs_attention");
  expect(Errors).toMatchObject([{ ErrorCode: "VALUE_OUT_OF_RANGE" }]);
  expect(Errors?.[0]?.ErrorMessage).toMatch(/rate.*remove the table from the data filter and add it again/s);
  await server.run("UPDATE finance.rates SET rate = 5", "employee");
  await modify("include: employee.finance.payroll");
  await service.status("active");
  await modify("include: employee.finance.*");
  await service.status("active");
  expect((await replicated("test")).tables).toContain("employee.finance.rates");
});
