import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { databasesOf, filterLimits, inScope, parseDataFilter } from "./data-filter.ts";

/** Which of the tables, written `database.schema.table`, the filter lets through. */
function replicated(filter: string, tables: readonly string[]): string[] {
  const scope = parseDataFilter(filter, "postgres");
  return tables.filter((name) => {
    const [database = "", schema = "", table = ""] = name.split(".");
    return inScope(scope, database, { schema, table });
  });
}

const library = [
  "books.mystery.stephen_king",
  "books.mystery.kings_of_crime",
  "books.mystery.table_movies",
  "books.mystery.table_stephen_king",
  "books.science_fiction.dune",
  "books.science_fiction.the_king_of_mars",
  "books.public.mystery",
  "books.public.mystery_novels",
  "employee.finance.benefits",
  "employee.finance.salaries",
];

const books = library.filter((name) => name.startsWith("books."));

describe("AWS's own examples", () => {
  test.each<[string, readonly string[]]>([
    ["include: books.*.*", books],
    ["include: books.*.*, exclude: books.*.mystery", books.filter((name) => !name.endsWith(".mystery"))],
    [
      "include: books.mystery.stephen_king, include: employee.finance.benefits",
      ["books.mystery.stephen_king", "employee.finance.benefits"],
    ],
    ["include: books.science_fiction.*, exclude: books.*./.*king.*/", ["books.science_fiction.dune"]],
    [
      "include: books.*.*, exclude: books./sci.*/.*",
      books.filter((name) => !name.startsWith("books.science_fiction.")),
    ],
    [
      "include: books.*.*, exclude: books.mystery./.*king/",
      books.filter(
        (name) => !["books.mystery.stephen_king", "books.mystery.table_stephen_king"].includes(name),
      ),
    ],
    ["include: books.*./table_.*/, exclude: books.*.table_stephen_king", ["books.mystery.table_movies"]],
  ])("%s", (filter, expected) => {
    expect(replicated(filter, library)).toEqual(expected);
  });
});

describe("what matches", () => {
  test.each<[string, string, boolean]>([
    ["the last match wins", "include: a.b.c, exclude: a.*.*", false],
    ["the last match wins again", "exclude: a.*.*, include: a.b.c", true],
    ["nothing that no clause names", "include: a.b.d", false],
    ["a regex matches the whole name", "include: a.b./b?c/", true],
    ["and not a part of it", "include: a././.*, exclude: a.b./c.+/", true],
    ["a literal is no regex", 'include: a.b."."', false],
    ["letters are compared as they are", "include: A.b.c", false],
    ["quoted names may have anything in them", 'include: "a"."b"."c"', true],
    ["keywords in any case, spaces wherever they do not matter", "INCLUDE :a . b\t.\nc ,Exclude:x.y.z", true],
    ["an escaped slash stands for itself", "include: a.b./c\\/?/", true],
    ["digits", "include: a.b./\\w/", true],
  ])("%s: %s", (_, filter, matches) => {
    expect(replicated(filter, ["a.b.c"])).toEqual(matches ? ["a.b.c"] : []);
  });

  test("names with hyphens, dots, spaces and stars are quoted", () => {
    const scope = parseDataFilter('include: "my-db"."a.b"."x *, y"', "postgres");
    expect(inScope(scope, "my-db", { schema: "a.b", table: "x *, y" })).toBe(true);
    expect(databasesOf(scope)).toEqual(["my-db"]);
  });

  test("MySQL has two parts, regexes in both, and needs no include", () => {
    expect(parseDataFilter("exclude: a.b", "mysql").clauses).toHaveLength(1);
    expect(
      parseDataFilter("include: /a.*/./b.*/", "mysql").clauses[0]?.parts.map(({ kind }) => kind),
    ).toEqual(["regex", "regex"]);
    expect(() => parseDataFilter("include: a.b.c", "mysql")).toThrow("database.table");
  });

  test("source databases come once each, in order, from includes alone", () => {
    const filter = "include: b.*.*, include: a.x.y, exclude: c.*.*, include: b.z.*";
    expect(databasesOf(parseDataFilter(filter, "postgres"))).toEqual(["b", "a"]);
  });
});

describe("what is refused", () => {
  test.each([
    ["", "`include:` or `exclude:`"],
    ["exclude: a.b.c", "Your data filter must contain at least one include statement"],
    ["a.b.c", "character 1"],
    ["include a.b.c", "character 1"],
    ["blacklist: a.b.c", "character 1"],
    ["include: a.b", "database.schema.table"],
    ["include: a.b.c.d", "database.schema.table"],
    ["include: *.b.c", "literally"],
    ["include: /a/.b.c", "literally"],
    ["include: a.b.c*", "comma"],
    ["include: a.b.my-table", "comma"],
    ["include: a.b.", "a name"],
    ["include: a..c", "a name"],
    ["include: a.b.c,", "`include:` or `exclude:`"],
    ["include: a.b.c include: a.b.d", "comma"],
    ['include: a.b."c', "never closed"],
    ['include: a.b.""', "empty"],
    ["include: a.b./c", "never closed"],
    ["include: a.b./c\\/", "never closed"],
    ["include: a.b./*/", "not valid"],
    ["include: a.b./(?=c)/", "not valid"],
    [`include: a.b.${"c".repeat(256)}`, "longer than 256"],
    [Array.from({ length: 100 }, (_, index) => `include: a.b.c${index}`).join(","), "more than 99"],
    [" ".repeat(filterLimits.charactersMax + 1), "25600"],
  ])("%s", (filter, hint) => {
    expect(() => parseDataFilter(filter, "postgres")).toThrow(
      expect.objectContaining({ code: "INVALID_DATA_FILTER", message: expect.stringContaining(hint) }),
    );
  });

  test("99 patterns of 256 characters are not", () => {
    const pattern = (index: number): string => `a.b.${String(index).padEnd(252, "x")}`;
    const filter = Array.from({ length: 99 }, (_, index) => `include:${pattern(index)}`).join(",");
    expect(filter.length).toBeLessThan(filterLimits.charactersMax + 1_000);
    expect(
      parseDataFilter(filter.slice(0, filterLimits.charactersMax), "postgres").clauses.length,
    ).toBeGreaterThan(90);
  });
});

test("whatever the text, it is parsed or refused, and matching takes no time", () => {
  const piece = fc.constantFrom(
    "include:",
    "exclude:",
    " ",
    ".",
    ",",
    "*",
    "/",
    '"',
    "\\",
    "a",
    "(a+)+",
    "$",
    "é",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.constantFrom("postgres", "mysql"),
      (pieces, dialect) => {
        try {
          const scope = parseDataFilter(pieces.join(""), dialect);
          const started = performance.now();
          inScope(scope, "a", { schema: "a", table: `${"a".repeat(2_000)}!` });
          expect(performance.now() - started).toBeLessThan(1_000);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
