import { RE2JS } from "re2js";
import { characterCount } from "../base/characters.ts";
import { CodedError } from "../base/errors.ts";
import type { TableName } from "./replication/relation.ts";

/** A parsed AWS data filter: the scope of an integration. Clauses are in the order written; the last match wins. */
export interface Scope {
  readonly clauses: readonly FilterClause[];
}

export interface FilterClause {
  readonly include: boolean;
  /** Database, schema, table for PostgreSQL; database, table for the MySQL family. */
  readonly parts: readonly FilterPart[];
}

export type FilterPart =
  | { readonly kind: "any" }
  | { readonly kind: "literal"; readonly name: string }
  /** Matches the whole name, in linear time. */
  | { readonly kind: "regex"; readonly source: string; readonly pattern: RE2JS };

export const filterLimits = { patternsMax: 99, patternCharactersMax: 256, charactersMax: 25_600 } as const;

export type FilterDialect = "postgres" | "mysql";

/** Parses a filter. Throws `CodedError` INVALID_DATA_FILTER, whose message says where the error is. */
export function parseDataFilter(text: string, dialect: FilterDialect): Scope {
  if (characterCount(text) > filterLimits.charactersMax)
    refuse(`it has more than ${filterLimits.charactersMax} characters`);
  const clauses = new FilterParser(text, dialect).clauses();
  if (clauses.length > filterLimits.patternsMax)
    refuse(`it has more than ${filterLimits.patternsMax} patterns`);
  // AWS's own wording, which clients know.
  if (dialect === "postgres" && !clauses.some((clause) => clause.include))
    throw invalid("Your data filter must contain at least one include statement");
  return { clauses };
}

/**
 * Whether the scope includes the table. `database` is the source database; the MySQL family does not use the schema.
 */
export function inScope(scope: Scope, database: string, { schema, table }: TableName): boolean {
  const last = scope.clauses.findLast(({ parts }) => {
    const names = parts.length === 2 ? [database, table] : [database, schema, table];
    return parts.every((part, index) => partMatches(part, names[index] ?? ""));
  });
  return last?.include ?? false;
}

/**
 * The source databases that a PostgreSQL scope names, in order, without duplicates. Databases are always literal there.
 */
export function databasesOf(scope: Scope): string[] {
  const names = scope.clauses.flatMap(({ include, parts: [database] }) =>
    include && database?.kind === "literal" ? [database.name] : [],
  );
  return [...new Set(names)];
}

function partMatches(part: FilterPart, name: string): boolean {
  switch (part.kind) {
    case "any":
      return true;
    case "literal":
      return part.name === name;
    case "regex":
      return part.pattern.matches(name);
  }
}

function refuse(reason: string): never {
  throw invalid(`The data filter is not valid: ${reason}.`);
}

function invalid(message: string): CodedError {
  return new CodedError("INVALID_DATA_FILTER", message);
}

const word = /[A-Za-z0-9_\u0080-\uffff]+/y;
/** Everything up to the character that ends a part. */
const restOfName = /[^\s.,]*/y;
const space = /\s*/y;
const keyword = /(include|exclude)\s*:/iy;

/** Recursive descent over `{include|exclude}: part.part[.part]`, separated by commas. */
class FilterParser {
  readonly #text: string;
  readonly #dialect: FilterDialect;
  #at = 0;

  constructor(text: string, dialect: FilterDialect) {
    this.#text = text;
    this.#dialect = dialect;
  }

  clauses(): FilterClause[] {
    const clauses = [this.#clause()];
    while (this.#skip(",")) clauses.push(this.#clause());
    this.#match(space);
    if (this.#at < this.#text.length) this.#unexpected("a comma between patterns");
    return clauses;
  }

  #clause(): FilterClause {
    this.#match(space);
    const start = this.#match(keyword);
    if (start === undefined) return this.#unexpected("`include:` or `exclude:`");
    this.#match(space);
    const from = this.#at;
    const parts = this.#parts();
    // Spaces after a pattern are not part of it.
    if (this.#text.slice(from, this.#at).trimEnd().length > filterLimits.patternCharactersMax)
      refuse(`the pattern at character ${from + 1} is longer than ${filterLimits.patternCharactersMax}`);
    return { include: start.toLowerCase().startsWith("include"), parts };
  }

  #parts(): FilterPart[] {
    const wanted = this.#dialect === "postgres" ? 3 : 2;
    const from = this.#at;
    const parts = [this.#part()];
    while (this.#skip(".")) parts.push(this.#part());
    if (parts.length !== wanted) {
      const form = wanted === 3 ? "database.schema.table" : "database.table";
      refuse(`the pattern at character ${from + 1} has ${parts.length} parts instead of ${form}`);
    }
    if (wanted === 3 && parts[0]?.kind !== "literal")
      refuse(`the pattern at character ${from + 1} must name its database literally`);
    return parts;
  }

  #part(): FilterPart {
    this.#match(space);
    if (this.#skip("*")) return { kind: "any" };
    if (this.#text[this.#at] === '"') return { kind: "literal", name: this.#quoted() };
    if (this.#text[this.#at] === "/") return this.#regex();
    const name = this.#match(word);
    if (name === undefined) return this.#unexpected("a name, a quoted name, `*` or `/regex/`");
    if (!this.#atEndOfName()) this.#refuseName(name);
    return { kind: "literal", name };
  }

  /** `start`: the part of the name read so far. */
  #refuseName(start: string): never {
    const at = this.#at + 1;
    const meant = start + (this.#match(restOfName) ?? "");
    if (meant.includes("*"))
      refuse(`character ${at} is not the whole part; write /${meant.replaceAll("*", ".*")}/ for ${meant}`);
    return refuse(
      `character ${at} cannot be in a name without quotation marks; write "${meant}" for ${meant}`,
    );
  }

  #quoted(): string {
    const end = this.#text.indexOf('"', this.#at + 1);
    if (end < 0) return refuse(`the quotation mark at character ${this.#at + 1} is never closed`);
    const name = this.#text.slice(this.#at + 1, end);
    if (name === "") refuse(`the name at character ${this.#at + 1} is empty`);
    this.#at = end + 1;
    return name;
  }

  #regex(): FilterPart {
    const from = this.#at;
    let end = from + 1;
    while (end < this.#text.length && this.#text[end] !== "/") end += this.#text[end] === "\\" ? 2 : 1;
    if (end >= this.#text.length) refuse(`the regular expression at character ${from + 1} is never closed`);
    const source = this.#text.slice(from + 1, end);
    this.#at = end + 1;
    try {
      return { kind: "regex", source, pattern: RE2JS.compile(source) };
    } catch {
      return refuse(`the regular expression at character ${from + 1} is not valid`);
    }
  }

  #atEndOfName(): boolean {
    return this.#at >= this.#text.length || /[\s.,;]/.test(this.#text.charAt(this.#at));
  }

  #skip(symbol: string): boolean {
    this.#match(space);
    if (this.#text[this.#at] !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #unexpected(wanted: string): never {
    const isEnd = this.#at >= this.#text.length;
    return refuse(isEnd ? `it ends without ${wanted}` : `character ${this.#at + 1} is not ${wanted}`);
  }
}
