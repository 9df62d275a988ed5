import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { inScope, parseDataFilter } from "./data-filter.ts";

const page = await readFile(new URL("../../docs/data-filter.md", import.meta.url), "utf8");
const tables = /^```tables\n(.*?)^```$/ms.exec(page)?.[1]?.trim().split("\n") ?? [];
const rows = [...page.matchAll(/^\| `([^`]+)`\s+\| (.*?)\s*\|$/gm)].map(
  ([, filter = "", meaning = ""]) => [filter, meaning] as const,
);

function replicated(filter: string): string[] {
  const scope = parseDataFilter(filter, "postgres");
  return tables.filter((name) => {
    const [database = "", schema = "", table = ""] = name.split(".");
    return inScope(scope, database, { schema, table });
  });
}

test("the page of the data filter has examples of both kinds", () => {
  expect(tables.length).toBeGreaterThan(5);
  expect(rows.length).toBeGreaterThan(15);
});

test.each(rows)("%s means what docs/data-filter.md says", (filter, meaning) => {
  const error = /^`([^`]* [^`]*)`$/.exec(meaning)?.[1];
  if (error !== undefined) {
    expect(() => replicated(filter)).toThrow(new CodedError("INVALID_DATA_FILTER", error));
    return;
  }
  expect(
    replicated(filter)
      .map((name) => `\`${name}\``)
      .join(" "),
  ).toBe(meaning);
});
