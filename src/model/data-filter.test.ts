import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { printedSeed } from "../../test/support/random.ts";
import { CodedError } from "../base/errors.ts";
import { databasesOf, filterLimits, inScope, parseDataFilter, type FilterDialect } from "./data-filter.ts";

/** Which of the tables, written `database.schema.table`, the filter lets through. */
function replicated(filter: string, tables: readonly string[]): string[] {
  const scope = parseDataFilter(filter, "postgres");
  return tables.filter((name) => {
    const [database = "", schema = "", table = ""] = name.split(".");
    return inScope(scope, database, { schema, table });
  });
}

/** Of a MySQL source, as `replicated`: the tables are written `database.table`. */
function replicatedOfMysql(filter: string, tables: readonly string[]): string[] {
  const scope = parseDataFilter(filter, "mysql");
  return tables.filter((name) => {
    const [database = "", table = ""] = name.split(".");
    return inScope(scope, database, { schema: "no part of it", table });
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

const shelves = [
  "books.mystery",
  "books.mystery_novels",
  "books.table_mystery",
  "books.a_mystery_b",
  "books.stephen_king",
  "books.carolyn_keene",
  "books.stephenking",
  "books.table_movies",
  "books.table_books",
  "books.table_stephen_king",
  "films.mystery",
  "films.table_movies",
  "foodb.tbl",
  "foodb.tbl2",
  "foodb.table_",
  "foodb.table_1",
  "foodb.table_42",
  "foodb.table_42b",
  "foodb.my_table_42",
  "a.b",
];

function shelvesOf(database: string, ...without: readonly string[]): string[] {
  return shelves.filter(
    (name) => name.startsWith(`${database}.`) && !without.includes(name.slice(database.length + 1)),
  );
}

describe("AWS's own examples for MySQL", () => {
  test.each<[string, readonly string[]]>([
    ["include: *.*", shelves],
    ["include: books.*", shelvesOf("books")],
    ["include: *.*, exclude: *.mystery", shelves.filter((name) => !name.endsWith(".mystery"))],
    [
      "include: books.stephen_king, include: books.carolyn_keene",
      ["books.stephen_king", "books.carolyn_keene"],
    ],
    [
      "include: books.*, exclude: books./.*mystery.*/",
      shelvesOf("books", "mystery", "mystery_novels", "table_mystery", "a_mystery_b"),
    ],
    ["include: books.*, exclude: books./mystery.*/", shelvesOf("books", "mystery", "mystery_novels")],
    ["include: books.*, exclude: books./.*mystery/", shelvesOf("books", "mystery", "table_mystery")],
    [
      "include: books./table_.*/, exclude: books.table_stephen_king",
      ["books.table_mystery", "books.table_movies", "books.table_books"],
    ],
    ["include: books.stephenking, exclude: books.*", []],
    [
      "include: foodb.*, exclude: foodb.tbl, exclude: foodb./table_\\d+/",
      shelvesOf("foodb", "tbl", "table_1", "table_42"),
    ],
    ["exclude: a.b", []],
    ["include: /b.*|films/.mystery", ["books.mystery", "films.mystery"]],
  ])("%s", (filter, expected) => {
    expect(replicatedOfMysql(filter, shelves)).toEqual(expected);
  });
});

describe("where AWS means something else than Maxwell, whose grammar it took", () => {
  test.each<[string, string, readonly string[], readonly string[]]>([
    ["what no include names is left out", "exclude: a.x", ["a.x", "a.y", "b.x"], []],
    ["one include leaves out everything else", "include: a.x", ["a.x", "a.y", "b.x"], ["a.x"]],
    ["a regex is the whole name", "include: a./x/", ["a.x", "a.xx", "a.yx", "a.xy"], ["a.x"]],
    [
      "each side of an alternation, too",
      "include: a./x|xy/",
      ["a.x", "a.xy", "a.xyz", "a.zxy"],
      ["a.x", "a.xy"],
    ],
    ["a literal is no regex", 'include: "a+"."x+"', ["a+.x+", "a+.x", "a.x+", "aa.xx"], ["a+.x+"]],
  ])("%s", (...[, filter, tables, expected]) => {
    expect(replicatedOfMysql(filter, tables)).toEqual(expected);
  });

  test("a third part is the table, and no predicate on a column", () => {
    expect(replicated("include: a.b.c", ["a.b.c", "a.b.d", "a.c.c"])).toEqual(["a.b.c"]);
    expect(() => parseDataFilter("include: a.b.c=1", "postgres")).toThrow("character 15 ");
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

  const form = "a name, a quoted name, `*` or `/regex/`";
  const unquoted = (name: string): string =>
    `cannot be in a name without quotation marks; write "${name}" for ${name}`;
  const refusalOf = (filter: string, dialect: FilterDialect): string => {
    try {
      parseDataFilter(filter, dialect);
    } catch (error) {
      if (error instanceof CodedError && error.code === "INVALID_DATA_FILTER") return error.message;
      throw error;
    }
    throw new Error("it was not refused");
  };
  const patterns = (count: number): string =>
    Array.from({ length: count }, (_, index) => `include: a.t${index}`).join(", ");

  test.each<[string, FilterDialect, string]>([
    ["include: a.b.c include: a.b.d", "postgres", "character 16 is not a comma between patterns"],
    ["include: a.b exclude: a.c", "mysql", "character 14 is not a comma between patterns"],
    ["include: a.b.*c", "postgres", "character 15 is not a comma between patterns"],
    ["include: a.b.my-table", "postgres", `character 16 ${unquoted("my-table")}`],
    ["include: my-db.b.c", "postgres", `character 12 ${unquoted("my-db")}`],
    ["include: a.my-table", "mysql", `character 14 ${unquoted("my-table")}`],
    ["include: a.b.c*", "postgres", "character 15 is not the whole part; write /c.*/ for c*"],
    ["include: a.b.c$", "postgres", `character 15 ${unquoted("c$")}`],
    ["include: a.b.c;", "postgres", "character 15 is not a comma between patterns"],
    ["include: a.'b'", "mysql", `character 12 is not ${form}`],
    ["include: a.`b`", "mysql", `character 12 is not ${form}`],
    ["include: a.-b", "mysql", `character 12 is not ${form}`],
    ["include: a.(b)", "mysql", `character 12 is not ${form}`],
    ["include: a.", "mysql", `it ends without ${form}`],
    ["include: a.b,", "mysql", "it ends without `include:` or `exclude:`"],
    ["blacklist: a.b", "mysql", "character 1 is not `include:` or `exclude:`"],
    ["include: a", "mysql", "the pattern at character 10 has 1 parts instead of database.table"],
    ["include: a.b./c", "postgres", "the regular expression at character 14 is never closed"],
  ])("%s in %s is refused in these words: %s", (filter, dialect, reason) => {
    expect(refusalOf(filter, dialect)).toBe(`The data filter is not valid: ${reason}.`);
  });

  test.each([
    [
      "characters of a pattern",
      `include: a.${"b".repeat(255)}`,
      "the pattern at character 10 is longer than 256",
    ],
    ["patterns", patterns(100), "it has more than 99 patterns"],
    ["characters", "x".repeat(25_601), "it has more than 25600 characters"],
  ])("one too many %s", (_, filter, reason) => {
    expect(refusalOf(filter, "mysql")).toBe(`The data filter is not valid: ${reason}.`);
  });

  test("what is as long as it may be is not, whatever spaces are around it", () => {
    const longest = `a.${"b".repeat(254)}`;
    expect(replicatedOfMysql(`include:   ${longest}   , exclude: b.*`, [longest])).toEqual([longest]);
    expect(replicatedOfMysql(patterns(99), ["a.t0", "a.t98", "a.t99"])).toEqual(["a.t0", "a.t98"]);
    const filter = "include: a.b".padEnd(filterLimits.charactersMax);
    expect(replicatedOfMysql(filter, ["a.b"])).toEqual(["a.b"]);
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

/** A part of a pattern as it is written, and what it means to the model. */
interface ModelPart {
  readonly text: string;
  readonly meaning: RegExp;
}

interface ModelClause {
  readonly text: string;
  readonly include: boolean;
  readonly parts: readonly ModelPart[];
}

const wholeOf = (source: string): RegExp => new RegExp(`^(?:${source})$`, "u");
const literally = (name: string): RegExp => wholeOf(name.replaceAll(/[$.*+?/]/g, "\\$&"));

/** Names of databases, schemas and tables alike, so that what is generated is hit often. */
const words = ["a", "b", "ab", "A", "a_1"];
const name = fc.constantFrom(...words, "a$", "$", "a b", "a.b", "a-b", "a, b", "a/b", "*");
const gap = fc.constantFrom("", "", "", " ", "  ", "\n\t");
const any = fc.constant<ModelPart>({ text: "*", meaning: /^.*$/su });
/** In PostgreSQL's filters databases are literal: there are fewer of them, or nothing would be hit. */
const database = fc.constantFrom("a", "a-b");
const literalOf = (names: fc.Arbitrary<string>): fc.Arbitrary<ModelPart> =>
  fc.tuple(names, fc.boolean()).map(([chosen, isQuoted]) => ({
    text: isQuoted || !words.includes(chosen) ? `"${chosen}"` : chosen,
    meaning: literally(chosen),
  }));
const regex = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "a?",
      "b*",
      ".",
      ".*",
      "a+",
      "\\d",
      "\\w",
      "\\$",
      "\\.",
      "\\/",
      "[ab]",
      "(a|ab)",
      "|",
      " ",
      '"',
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((pieces): ModelPart => ({ text: `/${pieces.join("")}/`, meaning: wholeOf(pieces.join("")) }));
const part = fc.oneof(any, { arbitrary: literalOf(name), weight: 2 }, { arbitrary: regex, weight: 2 });

function clauseOf(...parts: readonly fc.Arbitrary<ModelPart>[]): fc.Arbitrary<ModelClause> {
  return fc
    .record({
      keyword: fc.constantFrom("include", "include", "exclude", "Include", "EXCLUDE"),
      parts: fc.tuple(...parts),
      before: gap,
      between: gap,
      after: gap,
    })
    .map(({ keyword, parts: chosen, before, between, after }) => ({
      text: `${before}${keyword}${before}:${after}${chosen.map(({ text }) => text).join(`${between}.${after}`)}${between}`,
      include: keyword.toLowerCase() === "include",
      parts: chosen,
    }));
}

/** As AWS tells it: nothing at first, then every clause in its order has its say. */
function modelDecides(clauses: readonly ModelClause[], names: readonly string[]): boolean {
  let isIncluded = false;
  for (const { include, parts } of clauses) {
    let matches = true;
    for (let index = 0; index < names.length; index += 1)
      if (parts[index]?.meaning.test(names[index] ?? "") !== true) matches = false;
    if (matches) isIncluded = include;
  }
  return isIncluded;
}

interface Dialect {
  readonly dialect: FilterDialect;
  readonly clause: fc.Arbitrary<ModelClause>;
  /** Of a table, as many as a pattern has parts. */
  readonly names: fc.Arbitrary<readonly string[]>;
}

describe.each<Dialect>([
  {
    dialect: "postgres",
    clause: clauseOf(literalOf(database), part, part),
    names: fc.tuple(database, name, name),
  },
  { dialect: "mysql", clause: clauseOf(part, part), names: fc.tuple(name, name) },
])("random filters for $dialect", ({ dialect, clause, names }) => {
  const clauses = fc.array(clause, { minLength: 1, maxLength: 6 });

  test("select what a loop over whole-name regexes selects", () => {
    const decided = { in: 0, out: 0, refused: 0 };
    const check = (chosen: readonly ModelClause[], tables: readonly (readonly string[])[]): void => {
      const filter = chosen.map(({ text }) => text).join(",");
      if (dialect === "postgres" && !chosen.some(({ include }) => include)) {
        expect(() => parseDataFilter(filter, dialect)).toThrow("at least one include statement");
        decided.refused += 1;
        return;
      }
      const scope = parseDataFilter(filter, dialect);
      for (const of of tables) {
        const [database = "", second = "", third = ""] = of;
        const table =
          dialect === "mysql" ? { schema: database, table: second } : { schema: second, table: third };
        const isIn = inScope(scope, database, table);
        expect(isIn, `${filter} on ${of.join(" . ")}`).toBe(modelDecides(chosen, of));
        decided[isIn ? "in" : "out"] += 1;
      }
    };
    fc.assert(fc.property(clauses, fc.array(names, { minLength: 20, maxLength: 40 }), check), {
      numRuns: 3_000,
      seed: printedSeed(),
    });
    // A model that agrees because nothing is ever hit would show nothing.
    expect(decided.in).toBeGreaterThan(2_000);
    expect(decided.out).toBeGreaterThan(2_000);
    expect(decided.refused > 0).toBe(dialect === "postgres");
  });
});
