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
  "employee.finance.benefits",
  "employee.finance.payroll",
];

const ofBooks = tables.filter((table) => table.startsWith("books."));
const booksWithout = (pattern: RegExp): string[] => ofBooks.filter((table) => !pattern.test(table));

/** A data filter and what the warehouse holds under it. */
const cases: readonly (readonly [filter: string, expected: readonly string[]])[] = [
  ["include: books.*.*", ofBooks],
  ["include: books.*.*, exclude: books.*.mystery", booksWithout(/\.mystery$/)],
  ["include: books.science_fiction.*, exclude: books.*./.*king.*/", ["books.science_fiction.dune"]],
  ["include: books.*.*, exclude: books./sci.*/.*", booksWithout(/^books\.sci/)],
  ["include: books.*.*, exclude: books.mystery./.*king/", booksWithout(/^books\.mystery\..*king$/)],
  [
    "include: books.*./table_.*/, exclude: books.*.table_stephen_king",
    ["books.public.table_movies", "books.public.table_books"],
  ],
  // A regular expression matches the whole name, a name is no expression, and case counts.
  ["include: books.public./mystery.*/", ["books.public.mystery", "books.public.mystery_weekly"]],
  ["include: books.public./.*mystery/", ["books.public.mystery", "books.public.old_mystery"]],
  ['include: books.public."Mixed-Case", include: books.public./mixed.*/', ["books.public.Mixed-Case"]],
  ["INCLUDE : books . public . mystery", ["books.public.mystery"]],
  // What nothing includes is excluded, and the last match wins.
  [
    "exclude: books.public.mystery, include: books.public.*",
    ofBooks.filter((table) => table.startsWith("books.public.")),
  ],
  ["include: books.public.mystery, exclude: books.*.*", []],
];

const refused: readonly (readonly [filter: string, says: RegExp])[] = [
  ["exclude: books.public.mystery", /must contain at least one include statement/],
  ["include: books*.public.mystery", /./],
  ["include: /books/.public.mystery", /./],
  ["include: books.public./mystery", /./],
  ["include: books.public", /./],
];

let server: TestPostgres;
let directory: TemporaryDirectory;
let service: ServiceProcess;

const quoted = (table: string): string => table.split(".").map((part) => `"${part}"`).join("."); // prettier-ignore

beforeAll(async () => {
  server = await TestPostgres.start();
  for (const database of ["books", "employee"]) {
    await server.run(`CREATE DATABASE ${database}`);
    const own = tables.filter((table) => table.startsWith(`${database}.`)).map((table) => table.split("."));
    for (const schema of new Set(own.map(([, schema]) => schema)))
      await server.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`, database);
    for (const [, schema, table] of own)
      await server.run(
        [
          `CREATE TABLE ${schema}."${table}" (id int PRIMARY KEY)`,
          `INSERT INTO ${schema}."${table}" VALUES (1)`,
        ],
        database,
      );
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

async function isThere(table: string): Promise<boolean> {
  try {
    return (await service.query(`SELECT id FROM ${quoted(table)}`))[0]?.[0] === "1";
  } catch (error) {
    expect(String(error)).toMatch(/does not exist/);
    return false;
  }
}

async function modify(DataFilter: string): Promise<void> {
  await service.rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier: "test", DataFilter }));
}

test.each(cases)("%s", async (filter, expected) => {
  await modify(filter);
  // A filter that selects nothing is not what anybody meant.
  const { DataFilter, Errors } = await service.status(expected.length === 0 ? "needs_attention" : "active");
  expect(DataFilter).toBe(filter);
  expect(Errors?.map(({ ErrorCode }) => ErrorCode)).toEqual(expected.length === 0 ? ["TABLE_MISSING"] : []);
  const found: string[] = [];
  for (const table of tables) if (await isThere(table)) found.push(table);
  expect(found.toSorted()).toEqual([...expected].toSorted());
});

test.each(refused)("%s is refused", async (filter, says) => {
  await expect(modify(filter)).rejects.toMatchObject({
    name: "InvalidParameterValue",
    message: expect.stringMatching(says),
  });
});
