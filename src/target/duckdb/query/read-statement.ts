import QuickLRU from "quick-lru";
import type { DuckDb } from "../instance/duck-db.ts";
import { checkQuery, isPath, refuse, type TreeNode } from "./statement-check.ts";
import { checkGrowth } from "./statement-growth.ts";
import type { NamedTable } from "./statement-databases.ts";
import { explainedBy, tidyStatement } from "./statement-text.ts";

/** One read-only statement. */
export interface ReadStatement {
  /** The SQL to run; for an EXPLAIN, without the query. */
  readonly sql: string;
  /** Whether it can be used in a FROM. */
  readonly isQuery: boolean;
  readonly tables: readonly NamedTable[];
}

/** The result of `json_serialize_sql`. */
interface Parsed {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly { readonly node: TreeNode }[];
}

const treeBytesMax = 2 * 1024 ** 2;

const readsOnly =
  "Only statements that read are possible here: SELECT, FROM, VALUES, WITH, PIVOT … IN (…), UNPIVOT, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE.";

/** Clients send the same statements repeatedly. */
const keptMax = 256;
const keptLengthMax = 4096;

/**
 * Parses statements with DuckDB's own parser, without binding them, and refuses anything not known to be read-only: by
 * an allow list of kinds of nodes and of functions. The result does not depend on the session, so each text is parsed
 * once.
 */
export class StatementReader {
  readonly #statements = new QuickLRU<string, ReadStatement>({ maxSize: keptMax });
  readonly #texts = new QuickLRU<string, readonly NamedTable[]>({ maxSize: keptMax });

  /** Returns the text that was checked. */
  async read(duck: DuckDb, text: string): Promise<ReadStatement> {
    const statement = await once(this.#statements, text, () => readText(duck, text));
    await refuseFiles(duck, statement.tables);
    return statement;
  }

  /** Refuses a text derived from a checked one, by the same rules. */
  async check(duck: DuckDb, sql: string): Promise<void> {
    const tables = await once(this.#texts, sql, async () => (await checkText(duck, sql)).tables);
    await refuseFiles(duck, tables);
  }
}

/** What is known about a text, or what `find` finds; errors are not cached. */
async function once<T>(known: QuickLRU<string, T>, text: string, find: () => Promise<T>): Promise<T> {
  const before = known.get(text);
  if (before !== undefined) return before;
  const found = await find();
  if (text.length <= keptLengthMax) known.set(text, found);
  return found;
}

async function readText(duck: DuckDb, text: string): Promise<ReadStatement> {
  const sql = tidyStatement(text);
  const explained = explainedBy(sql);
  const { tables, node } = await checkText(duck, explained?.query ?? sql);
  checkGrowth(node);
  return explained === undefined
    ? { sql, isQuery: true, tables }
    : { sql: explained.head + explained.query, isQuery: false, tables };
}

interface CheckedText {
  readonly tables: readonly NamedTable[];
  readonly node: TreeNode;
}

async function checkText(duck: DuckDb, sql: string): Promise<CheckedText> {
  const { error, error_type: kind, error_message: message, statements = [] } = await parsed(duck, sql);
  if (error && kind === "parser") refuse(`Parser Error: ${message ?? "unknown"}`);
  // DuckDB says only that it is not a SELECT, or that a statement within it is not.
  if (error) refuse(/\bpivot\b/i.test(sql) ? pivotNeedsValues : readsOnly);
  const [statement, ...others] = statements;
  if (statement === undefined) return refuse("There is no statement to run.");
  if (others.length > 0) refuse("Give one statement at a time.");
  return { tables: checkQuery(statement.node), node: statement.node };
}

const pivotNeedsValues =
  "PIVOT needs the values that become columns: PIVOT t ON year IN (2023, 2024) USING sum(amount).";

async function parsed(duck: DuckDb, sql: string): Promise<Parsed> {
  const [row] = await duck.lookUp(
    `SELECT CASE WHEN strlen(tree) <= ${treeBytesMax} THEN tree END AS tree
     FROM (SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_default := true, skip_empty := true) AS tree)`,
    [sql],
  );
  const tree = row?.["tree"];
  if (typeof tree !== "string") return refuse("The statement has too many parts.");
  return JSON.parse(tree) as Parsed;
}

async function refuseFiles(duck: DuckDb, tables: readonly NamedTable[]): Promise<void> {
  for (const { table } of tables.filter(isPath)) {
    const found = await duck.lookUp("SELECT 1 FROM duckdb_views() WHERE view_name = $1 LIMIT 1", [table]);
    if (found.length === 0) refuse(`There is no table ${JSON.stringify(table)}.`);
  }
}
